// The mix of `make drill NAME=soak`, offered in an open loop: each request begins on its schedule,
// whether or not earlier ones have their answers. One line of output for each answer: its path,
// the second of its schedule, the milliseconds from there to the answer, the status, and the id of
// a consultation that was booked or cancelled.
import exec from 'k6/execution'
import http from 'k6/http'
import { SharedArray } from 'k6/data'

const [url, reads] = [__ENV.URL, Number(__ENV.READS)]
const rate = Number(__ENV.BOOKINGS) * (1 + reads)
const share = (name) => new SharedArray(name, () => JSON.parse(open(__ENV.DATA))[name])
const tokens = share('tokens')
const bookings = share('bookings') // [slot, patient] in the order in which they are booked
const booked = share('booked') // [consultation, patient] of the past
const doctors = share('doctors')
const specialties = share('specialties')

export const options = {
  discardResponseBodies: true,
  systemTags: [], // nothing reads k6's own metrics
  scenarios: {
    mix: {
      executor: 'constant-arrival-rate',
      rate: rate,
      timeUnit: '1s',
      duration: `${__ENV.DURATION}s`,
      preAllocatedVUs: Number(__ENV.CLIENTS),
      gracefulStop: '30s',
    },
  },
}

export default function () {
  const number = exec.scenario.iterationInTest
  const scheduled = exec.scenario.startTime + (number * 1000) / rate
  const turn = number % (1 + reads)
  const visit = Math.floor(number / (1 + reads))
  if (turn === 0) {
    const [slot, patient] = bookings[visit]
    const id = book(scheduled, slot, patient, visit)
    if (id && visit % 10 === 0) cancel(id, patient, visit)
  } else {
    read(scheduled, (turn - 1) % 4, number * 7919) // a prime: all the clinic has its turn
  }
}

function book(scheduled, slot, patient, visit) {
  const params = headers(patient)
  params.headers['Idempotency-Key'] = `visit-${visit}`
  params.responseType = 'text'
  const body = JSON.stringify({ slot_id: slot, reason: 'A rash' })
  return report('book', scheduled, http.post(`${url}/v1/consultations`, body, params))
}

// One patient in ten changes their mind.
function cancel(id, patient, visit) {
  const params = headers(patient)
  params.headers['Idempotency-Key'] = `cancel-${visit}`
  params.responseType = 'text'
  const path = `/v1/consultations/${id}/cancel`
  report('cancel', Date.now(), http.post(url + path, '{}', params))
}

function read(scheduled, kind, chance) {
  const patient = chance % tokens.length
  if (kind === 0) {
    const [id, owner] = booked[chance % booked.length]
    const answer = http.get(`${url}/v1/consultations/${id}`, headers(owner))
    report('get one', scheduled, answer)
  } else if (kind === 1) {
    report('list mine', scheduled, http.get(`${url}/v1/consultations`, headers(patient)))
  } else if (kind === 2) {
    const path = `/v1/doctors/${doctors[chance % doctors.length]}/slots`
    report('open slots', scheduled, http.get(url + path, headers(patient)))
  } else {
    const specialty = encodeURIComponent(specialties[chance % specialties.length])
    const path = `/v1/slots?specialty=${specialty}`
    report('search', scheduled, http.get(url + path, headers(patient)))
  }
}

function headers(patient) {
  const authorization = `Bearer ${tokens[patient]}`
  return { headers: { Authorization: authorization, 'Content-Type': 'application/json' } }
}

function report(path, scheduled, answer) {
  const { blocked, connecting, duration } = answer.timings
  const ended = Date.now()
  const took = Math.max(ended - scheduled, blocked + connecting + duration)
  const id = answer.body && answer.status < 300 ? answer.json('id') : ''
  console.log(`${path}\t${scheduled / 1000}\t${took.toFixed(3)}\t${answer.status}\t${id}`)
  return id
}
