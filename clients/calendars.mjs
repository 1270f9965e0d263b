// Reads calendar files with ical.js and node-ical, and prints what each of them understands as JSON:
// `node calendars.mjs FILE...`. A test compares it with the consultations.
import { readFileSync } from "node:fs";
import ICAL from "ical.js";
import nodeIcal from "node-ical";

function byIcalJs(text) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  return {
    method: calendar.getFirstPropertyValue("method"),
    entries: calendar.getAllSubcomponents("vevent").map((component) => {
      const event = new ICAL.Event(component);
      return {
        uid: event.uid,
        sequence: event.sequence,
        status: component.getFirstPropertyValue("status"),
        start: event.startDate.toJSDate().toISOString(),
        end: event.endDate.toJSDate().toISOString(),
        summary: event.summary,
        description: event.description,
        location: event.location,
      };
    }),
  };
}

function byNodeIcal(text) {
  const found = nodeIcal.sync.parseICS(text);
  return {
    method: found.vcalendar.method,
    entries: Object.values(found)
      .filter((component) => component.type === "VEVENT")
      .map((event) => ({
        uid: event.uid,
        sequence: Number(event.sequence),
        status: event.status,
        start: event.start.toISOString(),
        end: event.end.toISOString(),
        summary: event.summary,
        description: event.description,
        location: event.location,
      })),
  };
}

const files = process.argv.slice(2).map((name) => readFileSync(name, "utf8"));
const answers = files.map((text) => ({ icalJs: byIcalJs(text), nodeIcal: byNodeIcal(text) }));
console.log(JSON.stringify(answers));
