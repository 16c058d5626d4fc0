// Verifies evidence bundles (docs/PROTOCOL.md, "Bundle") with nothing of Countersign: `jose`, and the crypto of Node 24.
//   npm install jose && node verify.mjs [--trust KID|FILE]… BUNDLE…
// One verdict a line; ends with 0: all holds, 1: something is false, 2: incomplete. README.md beside it says the rules.
import { hash, createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { calculateJwkThumbprint, flattenedVerify, importJWK } from 'jose'

class Wrong extends Error {}
const need = (condition, why) => {
  if (!condition) throw new Wrong(why)
}

// --- bytes, digests, strict JSON -------------------------------------------------------------------------------------

const sha = (...parts) => hash('sha384', Buffer.concat(parts.map((part) => Buffer.from(part))), 'base64url')
const lp = (text) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)])
const isRaw = (text, length) => {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64url') : undefined
  return bytes?.toString('base64url') === text && (length === undefined || bytes.length === length)
}
const raw = (text, length) => {
  need(isRaw(text, length), 'bytes that are not canonical base64url of their length')
  return Buffer.from(text, 'base64url')
}
const isDigest = (value) => isRaw(value, 48)
const isCount = (value) => Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)
const utf8 = (bytes) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

/** Walks a text that JSON.parse accepted. `member(path, name, others, token)`: `others` are the names before it in its object. */
function walk(text, depth, { member, string = () => {} }) {
  let at = 0
  const skip = () => {
    while (' \t\n\r'.includes(text[at] ?? '.')) at++
  }
  const token = () => {
    const from = at++
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    string(JSON.parse(text.slice(from, ++at)))
    return text.slice(from, at)
  }
  const value = (path) => {
    const close = { '{': '}', '[': ']' }[text[at]]
    if (text[at] === '"') return void token()
    if (close === undefined) {
      while (!',]} \t\n\r'.includes(text[at] ?? ' ')) at++
      return
    }
    need(path.length < depth, 'JSON that nests too deeply')
    const names = []
    for (at++, skip(); text[at] !== close; skip()) {
      if (text[at] === ',') at++
      skip()
      const name = close === '}' ? JSON.parse(token()) : undefined
      skip()
      if (name !== undefined) at++
      skip()
      const from = at
      value([...path, name])
      if (name !== undefined) member(path, name, names, text.slice(from, at))
      names.push(name)
    }
    at++
  }
  skip()
  value([])
}

/** A document of ours: UTF-8, no member twice, no half surrogate pair, and exactly these members ("x?" may be absent). */
function strict(input, members, depth = 64) {
  const text = typeof input === 'string' ? input : utf8(input)
  const value = JSON.parse(text)
  const string = (content) => need(content.isWellFormed(), 'half a surrogate pair')
  const member = (_path, name, others) => need(!others.includes(name), `the member "${name}" twice`)
  walk(text, depth, { member, string })
  return exactly(value, members)
}

function exactly(value, members) {
  need(typeof value === 'object' && value !== null && !Array.isArray(value), 'something that is no object')
  const names = members.split(' ')
  for (const name of Object.keys(value)) need(names.includes(name) || names.includes(`${name}?`), `an unknown member "${name}"`)
  for (const name of names) need(name.endsWith('?') || Object.hasOwn(value, name), `no member "${name}"`)
  return value
}

// --- keys and signatures ---------------------------------------------------------------------------------------------

async function readJwk(jwk) {
  const { kty, alg, pub } = exactly(jwk, 'kty alg pub')
  need(kty === 'AKP' && Object.hasOwn({ 'ML-DSA-87': 0, 'ML-DSA-65': 0 }, alg), 'a key that is no ML-DSA-87 or ML-DSA-65')
  raw(pub, alg === 'ML-DSA-87' ? 2592 : 1952)
  return { kid: await calculateJwkThumbprint(jwk), alg, key: await importJWK(jwk) }
}

/** A flattened JWS of one kind under a key that was named before: what its header says decides nothing. */
async function verified(text, { kid, alg, key }, typ) {
  need(typ === 'countersign-transition' || Buffer.byteLength(text) <= 8192, 'a JWS that is too long')
  const jws = strict(text, 'protected payload signature')
  for (const part of Object.values(jws)) raw(part)
  const header = strict(Buffer.from(jws.protected, 'base64url'), 'alg typ kid')
  need(header.alg === alg && header.kid === kid && header.typ === typ, 'a JWS of another algorithm, key or kind')
  const { payload } = await flattenedVerify(jws, key, { algorithms: [alg] }).catch(() => need(false, 'a signature that does not hold'))
  return payload
}

const within = ({ from, until }, at) => (from === undefined || at >= from) && (until === undefined || at < until)
const least = (...values) => (values.some((value) => value !== undefined) ? Math.min(...values.filter((value) => value !== undefined)) : undefined)
const most = (a, b) => (a === undefined || b === undefined ? (a ?? b) : Math.max(a, b))
const both = (a = {}, b = {}) => ({
  from: most(a.from, b.from),
  until: least(a.until, b.until, a.revoked, b.revoked),
  revoked: least(a.revoked, b.revoked),
})

/** Who is trusted and when: the reader's list, narrowed by what the bundle says of keys, led on by its transitions. */
function trustedNow(named, windows, transitions) {
  const all = new Map([...named].map(([kid, window]) => [kid, both(window, windows.get(kid))]))
  for (let size = -1; size !== all.size; ) {
    size = all.size
    for (const { from, to, at } of transitions) {
      const old = all.get(from)
      if (old === undefined || old.revoked !== undefined || !within(old, at) || all.has(to)) continue
      all.set(to, both({ from: at }, windows.get(to)))
    }
  }
  return all
}

async function readTrust(value) {
  if (isRaw(value, 32)) return [[value, {}]]
  const content = JSON.parse(readFileSync(value, 'utf8'))
  if (content.typ !== 'countersign-keys') return [[(await readJwk(content.jwk ?? content)).kid, {}]]
  return Promise.all(content.keys.map(async ({ jwk, ...window }) => [(await readJwk(jwk)).kid, both(window)]))
}

async function readTransition(text) {
  need(Buffer.byteLength(text) <= 32_768, 'a transition that is too long')
  const { v, typ, payload, signatures } = strict(text, 'v typ payload signatures')
  need(v === 1 && typ === 'countersign-transition' && signatures?.length === 2, 'something that is no transition')
  const said = strict(raw(payload), 'v typ from to at')
  need(JSON.stringify(said) === utf8(raw(payload)) && said.typ === typ && isCount(said.at), 'a transition in another spelling')
  for (const [index, party] of [said.from, said.to].entries()) {
    const key = await readJwk(exactly(party, 'kid jwk').jwk)
    need(key.kid === party.kid, 'a transition with a wrong kid')
    await verified(JSON.stringify({ ...exactly(signatures[index], 'protected signature'), payload }), key, typ)
  }
  need(said.from.kid !== said.to.kid, 'a transition from a key to itself')
  return { from: said.from.kid, to: said.to.kid, at: said.at }
}

// --- statements ------------------------------------------------------------------------------------------------------

const KINDS = {
  // [direction, may say method and id, has req (undefined: may), has end]
  request: ['c2s', true, false, false],
  head: ['s2c', false, true, false],
  response: ['s2c', true, true, false],
  event: ['s2c', true, true, false],
  end: ['s2c', false, true, true],
  cancel: ['c2s', false, undefined, false],
  close: [undefined, false, false, false],
}

function readStatement(text) {
  need(Buffer.byteLength(text) <= 4096, 'a statement that is too long')
  const members = 'v typ sid dir seq kind server exchange head method? id? ts aud salt ctx prev req? ack end?'
  const s = strict(text, members)
  need(s.v === 1 && s.typ === 'countersign-statement' && Object.hasOwn(KINDS, s.kind), 'a statement of another version or kind')
  const [dir, described, req, ends] = KINDS[s.kind]
  need(s.dir === 'c2s' || s.dir === 's2c', 'a statement with an unknown direction')
  need(dir === undefined || dir === s.dir, 'a statement that travels the wrong way')
  need(/^[A-Za-z0-9._-]{1,64}$/.test(s.server) && (s.kind !== 'close' || s.server === '-'), 'a statement of no server')
  need([s.seq, s.exchange, s.ts].every(isCount), 'a statement with an invalid number')
  need((s.kind === 'close') === (s.exchange === 0), 'a statement in an exchange that its kind cannot have')
  need([s.sid, s.head, s.prev].every(isDigest) && isRaw(s.aud, 32) && isRaw(s.salt, 32), 'a statement with invalid bytes')
  const { alg, digest, length } = exactly(s.ctx, 'alg digest length')
  need(alg === 'sha-384' && isDigest(digest) && isCount(length) && length <= 2 ** 24, 'a statement of no context')
  exactly(s.ack, 'seq head')
  need(isCount(s.ack.seq) && isDigest(s.ack.head), 'a statement with an invalid acknowledgement')
  need(described || (s.method === undefined && s.id === undefined), 'a statement with a method or id that its kind has not')
  need(s.method === undefined || isMethod(s.method), 'a statement with an invalid method')
  need(s.id === undefined || isId(s.id), 'a statement with an invalid id')
  need(req === undefined || (s.req !== undefined) === req, 'a statement that must or must not name a request')
  need(s.req === undefined || isDigest(s.req), 'a statement that names a request by no digest')
  need((s.end !== undefined) === ends, 'a statement that must or must not say how it ended')
  if (ends) need(isCount(exactly(s.end, 'events reason').events) && /^[\x20-\x7e]{1,64}$/.test(s.end.reason), 'an invalid end')
  return s
}

const isMethod = (value) => typeof value === 'string' && value.length <= 256 && value.isWellFormed()
const isId = (value) => typeof value === 'string' && /^(?:"[^]*"|-?[0-9][0-9.eE+-]*|null)$/.test(value) && Buffer.byteLength(value) <= 256

/** Method and id of a context, from its bytes alone. */
function described(kind, bytes) {
  if (!KINDS[kind][1]) return {}
  const request = kind === 'request'
  const refuse = (why) => {
    need(!request, `a request that ${why}`)
    return {}
  }
  const json = kind === 'event' ? eventData(bytes) : bytes
  if (json === undefined || json.length === 0) return {}
  const found = {}
  const folded = new Set()
  const KNOWN = { '': 'jsonrpc id method params result error', params: 'name arguments uri' }
  let [count, ambiguous, isObject] = [0, false, false]
  try {
    const text = utf8(json)
    const value = JSON.parse(text)
    isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    walk(text, 1000, {
      member: (path, name, _others, token) => {
        const parent = path.length === 0 ? '' : path[0]
        if (!isObject || path.length > 1 || (path.length === 1 && parent !== 'params')) return
        need(++count <= 4096, 'too many members')
        const fold = name.toUpperCase().toLowerCase()
        const key = `${parent}\0${fold}`
        if (folded.has(key) || (name !== fold && KNOWN[parent].split(' ').includes(fold))) ambiguous = true
        folded.add(key)
        if (path.length === 0 && !Object.hasOwn(found, name)) found[name] = token
      },
    })
  } catch {
    return refuse('is no JSON, nests too deeply or has too many members')
  }
  if (!isObject) return {}
  if (ambiguous) return refuse('has a member twice')
  const method = found.method?.[0] === '"' ? JSON.parse(found.method) : undefined
  const id = /^[{[tf]/.test(found.id ?? '{') ? undefined : found.id
  if (method !== undefined && !isMethod(method)) refuse('has a method that is too long')
  if (id !== undefined && !isId(id)) refuse('has an id that is too long')
  return { method: isMethod(method) ? method : undefined, id: isId(id) ? id : undefined }
}

/** The joined data lines of exactly one server-sent event; undefined where the bytes are not one. */
function eventData(bytes) {
  const lines = bytes.toString('latin1').split(/\r\n|\r|\n/)
  // Behind the blank line that ends it is nothing; the split leaves one empty piece for that.
  if (lines.length < 2 || lines.at(-1) !== '' || lines.at(-2) !== '' || lines.slice(0, -2).includes('')) return undefined
  const data = lines.filter((line) => /^data(:|$)/.test(line)).map((line) => line.slice(5).replace(/^ /, ''))
  return data.length === 0 ? undefined : Buffer.from(data.join('\n'), 'latin1')
}

/** RFC 9162, section 2.1.3.2. */
function checkProof(statement, index, n, proof, root) {
  need(index < n && proof.length <= 6 && proof.every((node) => node.length === 48), 'a proof that does not fit its batch')
  let [fn, sn, node] = [index, n - 1, sha([0], statement)]
  for (const sibling of proof) {
    need(sn !== 0, 'a proof that is too long')
    const right = fn % 2 === 1 || fn === sn
    node = right ? sha([1], sibling, raw(node)) : sha([1], raw(node), sibling)
    if (right) for (; fn % 2 === 0 && fn !== 0; fn >>= 1) sn >>= 1
    fn >>= 1
    sn >>= 1
  }
  need(sn === 0 && node === root, 'a proof that does not lead to the root of its batch')
}

// --- a bundle --------------------------------------------------------------------------------------------------------

const LINES = {
  bundle: 'type v exporter at selection',
  key: 'type kid jwk from? until? revoked?',
  transition: 'type document',
  handshake: 'type sid conn transcript suite at',
  batch: 'type digest kid jws',
  record: 'type batch statement index proof how at head? context? redacted?',
  manifest: 'type jws',
}
const SUITE = /^(MLKEM1024_X25519_MLDSA87|MLKEM1024_P384_MLDSA87|MLKEM768_X25519_MLDSA65)_AES256GCM_SHA384$/
const SELECTIONS = { all: 'kind', contexts: 'kind', session: 'kind sid', time: 'kind from? to?' }
const STRING = ['document', 'jws', 'statement']

/** One line of a bundle: its members of their types. What it holds is not verified here. */
function readLine(bytes) {
  const value = strict(bytes, 'type v? exporter? at? selection? kid? jwk? from? until? revoked? document? sid? conn? transcript? suite? digest? jws? batch? statement? index? proof? how? head? context? redacted?', 4)
  need(Object.hasOwn(LINES, value.type), 'a line of no known type')
  exactly(value, LINES[value.type])
  const line = { ...value }
  for (const name of ['at', 'from', 'until', 'revoked', 'index']) need(!(name in line) || isCount(line[name]), `"${name}" that is no count`)
  for (const name of ['exporter', 'kid']) need(!(name in line) || isRaw(line[name], 32), `"${name}" that is no kid`)
  for (const name of ['sid', 'conn', 'transcript', 'digest', 'batch']) need(!(name in line) || isDigest(line[name]), `"${name}" that is no digest`)
  for (const name of STRING) need(!(name in line) || typeof line[name] === 'string', `"${name}" that is no text`)
  if (line.type === 'bundle') {
    const { kind } = exactly(line.selection, 'kind sid? from? to?')
    need(line.v === 1 && Object.hasOwn(SELECTIONS, kind), 'a header of another version')
    exactly(line.selection, SELECTIONS[kind])
    for (const time of ['from', 'to']) need(!(time in line.selection) || isCount(line.selection[time]), 'a selection by no time')
    need(kind !== 'session' || isDigest(line.selection.sid), 'a selection of no session')
  }
  if (line.type === 'handshake') need(SUITE.test(line.suite), 'a handshake in no known suite')
  if (line.type === 'record') {
    need(['sent', 'received'].includes(line.how) && Array.isArray(line.proof), 'a record that is none')
    need(!('redacted' in line) || (line.redacted === true && !('head' in line) && !('context' in line)), 'a redaction that is none')
    line.proof = line.proof.map((node) => raw(node))
    if (!line.redacted) line.head = raw(line.head)
    if ('context' in line) line.context = raw(line.context)
  }
  return line
}

/** Lines of a file without their line feeds; what follows the last one is torn. */
async function* linesOf(file) {
  let rest = []
  for await (const chunk of createReadStream(file)) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      yield { bytes: Buffer.concat([...rest, chunk.subarray(from, end)]), torn: false }
      rest = []
      from = end + 1
    }
    if (from < chunk.length) rest.push(chunk.subarray(from))
  }
  if (rest.length > 0) yield { bytes: Buffer.concat(rest), torn: true }
}

const counts = { holds: 0, FALSE: 0, incomplete: 0 }
const sessions = new Map()
let records = 0

function say(state, place, ...notes) {
  counts[state]++
  // Whatever a terminal would act on is shown as its code.
  const text = notes.join('; ').replace(/[^\x20-\x7e]/gu, (char) => `\\u{${char.codePointAt(0).toString(16)}}`)
  console.log(`${state} ${place}${text === '' ? '' : ` · ${text}`}`)
}

const chainOf = (sid, dir) => ({ heads: new Map([[0, sha(lp('cs1 chain'), lp(raw(sid)), lp(dir))]]), claims: new Map(), read: new Set(), acked: 0, tip: 0 })
const sessionOf = (sid) => sessions.get(sid) ?? { chains: { c2s: chainOf(sid, 'c2s'), s2c: chainOf(sid, 's2c') }, signers: {}, questions: new Map() }
const opposite = (dir) => (dir === 'c2s' ? 's2c' : 'c2s')

/** Compares a statement with what is known of its session, and takes it in. @returns what is missing, and who was wrong before */
function place(s, text, kid, file, where, trust) {
  const session = sessionOf(s.sid)
  const [own, peer] = [session.chains[s.dir], session.chains[opposite(s.dir)]]
  const missing = []
  if (trust === undefined) missing.push('its signer was compared with nothing')
  else {
    const window = trust.get(kid)
    need(window !== undefined, 'a signer that is not trusted')
    need(within(window, s.ts), 'a signature outside the window of its key')
  }
  need(s.aud !== kid, 'a statement for its own signer')
  need((session.signers[s.dir] ?? kid) === kid, 'two keys that sign one direction of a session')
  need((session.signers[opposite(s.dir)] ?? s.aud) === s.aud, 'a statement for somebody else')
  need(own.file !== file || s.seq >= own.next, 'a sequence that was used before')
  const head = own.heads.get(s.seq)
  need(head === undefined || head === s.prev, 'a statement that does not follow from the one before it')
  const acked = peer.heads.get(s.ack.seq) ?? peer.claims.get(s.ack.seq)?.head
  need(acked === undefined || acked === s.ack.head, 'an acknowledgement of something else than was sent')
  need(peer.end === undefined || s.ack.seq <= peer.end, 'an acknowledgement of what was never sent')
  const next = sha(raw(s.prev), text)
  need((own.heads.get(s.seq + 1) ?? next) === next, 'two histories signed by one key')
  need(own.end === undefined || s.seq < own.end, 'a statement behind the close of its direction')
  need(s.kind !== 'close' || Math.max(own.tip, own.acked) <= s.seq + 1, 'a close with statements behind it')
  need(own.file !== file || s.ack.seq >= own.ack, 'an acknowledgement that is taken back')
  if (head === undefined) missing.push('the statements before it are not here')
  if (s.req !== undefined) {
    const question = session.questions.get(s.req)
    const whole = session.chains.c2s.read.size >= s.ack.seq && [...Array(s.ack.seq).keys()].every((seq) => session.chains.c2s.read.has(seq))
    need(question !== undefined || !whole, 'an answer to a request that was never made')
    if (question === undefined) missing.push('its question is not here')
    else need(question === `${s.server} ${s.exchange}`, 'an answer in another exchange than its question')
  }
  const commit = () => {
    sessions.set(s.sid, session)
    Object.assign(own, { file, next: s.seq + 1, ack: s.ack.seq, tip: Math.max(own.tip, s.seq + 1) })
    session.signers[s.dir] = kid
    session.signers[opposite(s.dir)] ??= s.aud
    own.read.add(s.seq)
    if (s.kind === 'close') own.end = s.seq + 1
    if (s.kind === 'request') session.questions.set(sha(text), `${s.server} ${s.exchange}`)
    peer.acked = Math.max(peer.acked, s.ack.seq)
    if (!peer.heads.has(s.ack.seq)) peer.claims.set(s.ack.seq, { head: s.ack.head, file, where })
    for (const [seq, head] of [[s.seq, s.prev], [s.seq + 1, next]]) {
      own.heads.set(seq, head)
      const claim = own.claims.get(seq)
      own.claims.delete(seq)
      if (claim === undefined) continue
      if (claim.head !== head) say('FALSE', claim.where, 'an acknowledgement of something else than was sent')
      else if (claim.file === file && seq > s.seq) say('FALSE', claim.where, 'an acknowledgement of what comes after it')
    }
  }
  return { missing, commit }
}

async function verifyBundle(file, named) {
  const [keys, batches, windows, transitions] = [new Map(), new Map(), new Map(), []]
  const content = createHash('sha384')
  let [number, header, exporter, ended, torn] = [0, undefined, undefined, false, false]
  let [bundleRecords, redacted, trust] = [0, 0, named]
  const selected = () => header?.selection.kind === 'contexts' || header?.selection.kind === 'time'
  const recompute = () => {
    if (named !== undefined) trust = trustedNow(named, windows, transitions)
  }
  const doubt = (kid) => (trust?.get(kid)?.revoked === undefined ? [] : ['its key was revoked later, and dates what it signs as it likes'])

  const take = {
    bundle: (line) => void (header = line),
    key: async (line) => {
      const key = { ...(await readJwk(line.jwk)), named: line.kid }
      remember(keys, line.kid, key, 64)
      if (line.kid === header.exporter) exporter = key
      need(key.kid === line.kid, 'a key under the kid of another')
      need(windows.has(line.kid) || windows.size < 1024, 'more keys than a bundle may have')
      const { from, until, revoked } = line
      windows.set(line.kid, both({ from, until, revoked }, windows.get(line.kid)))
      recompute()
    },
    transition: async (line) => {
      const transition = await readTransition(line.document)
      need(transitions.length < 256, 'more transitions than a bundle may have')
      transitions.push(transition)
      recompute()
    },
    handshake: (line) => {
      need(sha('cs1 conn', raw(line.transcript)) === line.conn, 'a handshake that is not that of its connection')
    },
    batch: (line) => {
      need(sha(line.jws) === line.digest, 'a batch under a wrong digest')
      if (keys.has(line.kid)) remember(batches, line.digest, { jws: line.jws, key: keys.get(line.kid) }, 256)
      else say('incomplete', `${file}:${number}`, 'the key of the batch is missing')
    },
    record: async (line) => {
      bundleRecords++
      if (line.redacted) redacted++
      const batch = batches.get(line.batch)
      if (batch === undefined) return say('incomplete', `${file}:${number}`, 'the batch of the record is missing')
      records++
      const { key, jws } = batch
      const s = readStatement(line.statement)
      batch.payload ??= verified(jws, key, 'countersign-batch').then(readBatch)
      const { n, root } = await batch.payload
      need(key.kid === key.named, 'a key under the kid of another')
      checkProof(line.statement, line.index, n, line.proof, root)
      const { selection } = header
      need(selection.kind !== 'session' || s.sid === selection.sid, 'a record of another session than was selected')
      need(selection.kind !== 'time' || within({ from: selection.from, until: selection.to }, line.at), 'a record of another time than was selected')
      const { missing, commit } = place(s, line.statement, key.kid, file, `${file}:${number}`, trust)
      if (line.head !== undefined) need(sha(line.head) === s.head, 'a head that is not the one that was signed')
      if (line.context !== undefined) {
        need(line.context.length === s.ctx.length && sha(line.context) === s.ctx.digest, 'bytes that are not the ones that were signed')
        const { method, id } = described(s.kind, line.context)
        need(method === s.method && id === s.id, 'a statement that names another method or id than its context')
      }
      commit()
      const gone = line.redacted ? ['redacted'] : line.context === undefined ? ['only the digest of the context was kept'] : []
      const faults = trust === undefined || doubt(key.kid).length > 0 || (missing.length > 0 && !selected())
      say(faults ? 'incomplete' : 'holds', `${file}:${number}`, ...missing, ...gone, ...doubt(key.kid))
    },
    manifest: async (line) => {
      ended = true
      const payload = Buffer.from(strict(line.jws, 'protected payload signature').payload, 'base64url')
      const said = strict(payload, 'v typ alg digest lines records redacted at custody')
      const same = { v: 1, typ: 'countersign-manifest', alg: 'sha-384', digest: content.digest('base64url'), lines: number - 1, records: bundleRecords, redacted, at: header?.at }
      for (const [name, value] of Object.entries(same)) need(said[name] === value, `a manifest that says something else of the bundle ("${name}")`)
      need(['hsm', 'software', 'unknown'].includes(said.custody), 'a manifest with an unknown custody')
      const key = exporter
      need(key !== undefined && key.kid === header.exporter, 'an exporter without a key')
      await verified(line.jws, key, 'countersign-manifest')
      const window = trust?.get(key.kid)
      need(trust === undefined || window !== undefined, 'a manifest by a key that is not trusted')
      need(trust === undefined || within(window, header.at), 'a manifest outside the window of its key')
      const notes = [...(trust === undefined ? ['its signer was compared with nothing'] : []), ...doubt(key.kid)]
      say(notes.length > 0 ? 'incomplete' : 'holds', `${file}:${number}`, 'manifest', ...notes)
    },
  }
  for await (const { bytes, torn: cut } of linesOf(file)) {
    number++
    try {
      need(!ended, 'a line behind the manifest')
      torn = cut
      if (cut) say('incomplete', `${file}:${number}`, 'the bundle is cut off in the middle of a line')
      else {
        const line = readLine(bytes)
        need((number === 1) === (line.type === 'bundle'), 'a line that is not in its place')
        await take[line.type](line)
      }
    } catch (thrown) {
      // What JSON.parse, TextDecoder and jose refuse is as false as what is refused here.
      say('FALSE', `${file}:${number}`, thrown instanceof Wrong ? thrown.message : `not readable: ${thrown.message}`)
      if (header === undefined) return
    }
    if (!ended) content.update(bytes).update('\n')
  }
  if (!ended && !torn) say('incomplete', `${file}:${number}`, 'the bundle ends without its manifest: it was cut off at its end')
}

function readBatch(payload) {
  const { v, typ, alg, n, root, custody } = strict(payload, 'v typ alg n root custody')
  need(v === 1 && typ === 'countersign-batch' && alg === 'sha-384', 'a batch of another version')
  need(Number.isInteger(n) && n >= 1 && n <= 64 && isDigest(root), 'a batch of no size or root')
  need(['hsm', 'software', 'unknown'].includes(custody), 'a batch with an unknown custody')
  return { n, root }
}

/** Adds a value as the newest and forgets the oldest of more than `most`: how far back a line may look. */
function remember(map, name, value, most) {
  map.delete(name)
  map.set(name, value)
  if (map.size > most) map.delete(map.keys().next().value)
}

/** What can only be said at the end: what of each session is missing, and what the other end acknowledged. */
function finish() {
  for (const [sid, { chains }] of sessions) {
    const notes = []
    let whole = true
    for (const [dir, { read, tip, end, acked, claims }] of Object.entries(chains)) {
      if (tip > read.size) notes.push(`${dir} lacks ${tip - read.size} statements`)
      if (end === undefined) notes.push(`no close statement ${dir}: statements may be missing at its end`)
      if (claims.size > 0) notes.push(`${claims.size} acknowledgements are of ${dir} statements that are not here`)
      whole &&= tip === read.size && end !== undefined && claims.size === 0
      notes.push(`${dir}: ${read.size} statements, ${acked} acknowledged`)
    }
    say(whole ? 'holds' : 'incomplete', `session ${sid}`, ...notes)
  }
}

const [named, files] = [new Map(), []]
for (let args = process.argv.slice(2); args.length > 0; args = args.slice(1)) {
  if (args[0] !== '--trust') files.push(args[0])
  else {
    for (const [kid, window] of await readTrust(args[1])) named.set(kid, both(window, named.get(kid)))
    args = args.slice(1)
  }
}
for (const file of files) await verifyBundle(file, named.size > 0 ? named : undefined)
finish()
process.exitCode = counts.FALSE > 0 ? 1 : counts.incomplete > 0 || records === 0 ? 2 : 0
console.log(`${['All holds', 'Something is false', 'Incomplete'][process.exitCode]}. ${records} records: ${JSON.stringify(counts)}`)
