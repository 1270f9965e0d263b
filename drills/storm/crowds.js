// The crowds of `make drill NAME=storm`: clients in closed loops, each with its own connection. One
// line of output for each answer: its path, the second of its start, milliseconds, the status, and
// the id of a consultation that was booked or the detail of an error.
import exec from 'k6/execution'
import http from 'k6/http'
import { SharedArray } from 'k6/data'
import { sleep } from 'k6'

const crowds = JSON.parse(__ENV.CROWDS) // clients by function
const share = (name) => new SharedArray(name, () => JSON.parse(open(__ENV.DATA))[name])
const tokens = share('tokens')
const emails = share('emails')
const bookings = share('bookings')
const booked = share('booked')

export const options = {
  systemTags: [],
  scenarios: Object.fromEntries(
    Object.entries(crowds).map(([name, clients]) => [
      name,
      {
        executor: 'constant-vus',
        exec: name,
        vus: clients,
        duration: `${__ENV.DURATION}s`,
        gracefulStop: '30s',
      },
    ]),
  ),
}

export function read() {
  const [id, patient] = booked[(turn() * 7919) % booked.length]
  report('read', http.get(`${__ENV.URL}/v1/consultations/${id}`, headers(patient)))
}

export function bookSoldOut() {
  if (!__ENV.IMPATIENT) sleep(2 * Math.random()) // a second on average, and not all at once
  book('sold out', __ENV.SOLD_OUT, exec.vu.idInTest % tokens.length)
}

export function bookOpen() {
  const [slot, patient] = bookings[Number(__ENV.FIRST) + turn()]
  book('book', slot, patient)
}

export function logIn() {
  const email = emails[(turn() * 7919) % emails.length]
  const body = JSON.stringify({ email: email, password: __ENV.PASSWORD })
  const params = headers()
  // Each client has its own address, behind the proxy that TRUSTED_PROXIES counts.
  params.headers['X-Forwarded-For'] = `198.51.100.${exec.vu.idInTest % 256}`
  const answer = http.post(`${__ENV.URL}/v1/auth/login`, body, params)
  report('log in', answer)
  const pause = Number(answer.headers['Retry-After'] || 0)
  if (!__ENV.IMPATIENT) sleep(pause)
}

function book(path, slot, patient) {
  const params = headers(patient)
  params.headers['Idempotency-Key'] = `${path} ${__ENV.FIRST} ${turn()}`
  const body = JSON.stringify({ slot_id: slot })
  report(path, http.post(`${__ENV.URL}/v1/consultations`, body, params))
}

function turn() {
  return exec.scenario.iterationInTest
}

function headers(patient) {
  const sent = { 'Content-Type': 'application/json' }
  if (patient !== undefined) sent.Authorization = `Bearer ${tokens[patient]}`
  return { headers: sent }
}

function report(path, answer) {
  const { blocked, connecting, duration } = answer.timings
  const took = blocked + connecting + duration
  const status = answer.status
  const result = status === 201 ? answer.json('id') : status >= 400 ? answer.json('detail') : ''
  const began = (Date.now() - took) / 1000
  console.log(`${path}\t${began}\t${took.toFixed(3)}\t${status}\t${result}`)
}
