import { exportJwk, thumbprint } from '../../../src/crypto/jwk.ts'
import { bundleOf, wholeTalk } from '../evidenceBundle.ts'
import { documentOf } from '../transition.ts'
import { NOW } from '../../unit/evidence/build.ts'
import { edited, type Forger, type Forgery, flipped, jwsWith, type Line, sha384 } from './forger.ts'

const CONTENT = /not what its manifest says/
const SHAPE = /not one of a bundle, or not in its place/

/** Somebody without a key: the manifest is the one that the bundle had. */
const lines = (change: (texts: string[]) => string[], reason = CONTENT): Forgery => ({
  reason,
  forge: (real) => real.unsealed(change([...real.texts])),
})

/** The exporter: the manifest fits. */
const sealed = (change: (real: Forger) => readonly (Line | string)[], reason: RegExp): Forgery => ({
  reason,
  forge: (real) => real.sealed(change(real)),
})

const record = (change: (line: Line) => Line, reason: RegExp, n = 1): Forgery =>
  sealed((real) => real.record(n, change), reason)

const PROOF = /does not lead from the statement to the root/
const swapped = (real: Forger, one: number, two: number): Line[] => {
  const all = real.lines
  const [a, b] = [real.indexOf('record', one), real.indexOf('record', two)]
  return all.map((line, at) => (at === a ? (all[b] ?? line) : at === b ? (all[a] ?? line) : line))
}

/** A signature in another order would be another bundle: these are what the lines themselves can be made to say. */
export const FORGED_LINES: Readonly<Record<string, Forgery>> = {
  'a byte of a context': record(
    (r) => ({ ...r, context: flipped(r['context']) }),
    /bytes of a context are not the ones/,
  ),
  'another context': record((r) => ({ ...r, context: 'e30' }), /bytes of a context are not the ones/),
  'another head': record((r) => ({ ...r, head: flipped(r['head']) }), /head of a context is not the one/),
  'a context in the standard alphabet': record(
    (r) => ({ ...r, context: `${String(r['context']).slice(0, -2)}+/` }),
    SHAPE,
  ),
  'a context with padding': record((r) => ({ ...r, context: `${String(r['context'])}=` }), SHAPE),
  'unused bits in a proof': record(
    (r) => ({ ...r, head: `${String(r['head']).slice(0, -1)}${String(r['head']).endsWith('A') ? 'B' : 'x'}` }),
    SHAPE,
  ),
  'index of a record': record((r) => ({ ...r, index: 0 }), PROOF),
  'index past the batch': record((r) => ({ ...r, index: 3 }), PROOF),
  'a node of a proof': record((r) => ({ ...r, proof: [flipped(Object(r['proof'])[0]), Object(r['proof'])[1]] }), PROOF),
  'a proof too short': record((r) => ({ ...r, proof: [Object(r['proof'])[0]] }), PROOF),
  'a proof too long': record((r) => ({ ...r, proof: [...Object(r['proof']), Object(r['proof'])[0]] }), PROOF),
  'the batch of another record': sealed(
    (real) => real.record(5, (r) => ({ ...r, batch: real.lines[real.indexOf('record', 0)]?.['batch'] })),
    PROOF,
  ),
  'a record put in twice': sealed((real) => {
    const at = real.indexOf('record', 2)
    return real.lines.toSpliced(at, 0, real.lines[at] ?? {})
  }, /sequence that was used before/),
  'two records of a direction swapped': sealed((real) => swapped(real, 0, 1), /sequence that was used before/),
  'an answer before its question': sealed((real) => {
    const all = real.lines
    // The last question with its batch, moved behind its answers with theirs.
    const from = real.indexOf('record', 6) - 1
    return [
      ...all.slice(0, from),
      ...all.slice(from + 2, from + 6),
      ...all.slice(from, from + 2),
      ...all.slice(from + 6),
    ]
  }, /acknowledges one that comes after it/),
  'two directions swapped, without a key': lines((texts) => [...texts.slice(0, 9), ...texts.slice(10), texts[9] ?? '']),
  'a record taken out': lines((texts) => texts.filter((_, at) => at !== 7)),
  'a record redacted by somebody else': lines((texts) =>
    texts.map((text, at) =>
      at === 6 ? JSON.stringify({ ...without(JSON.parse(text), 'head', 'context'), redacted: true }) : text,
    ),
  ),
  'the tail taken out, and the manifest kept': lines((texts) => texts.slice(0, -2)),
  'a redacted record that has its head': sealed((real) => real.record(4, (r) => ({ ...r, head: 'aGVhZA' })), SHAPE),
  'redacted, but false': record((r) => ({ ...r, redacted: false }), SHAPE),
  'a member of a line twice': sealed(
    (real) => real.texts.map((text, at) => (at === 6 ? text.replace('"index"', '"index":0,"index"') : text)),
    SHAPE,
  ),
  'an unknown member of a line': record((r) => ({ ...r, verified: true }), SHAPE),
  'a line of an unknown type': sealed((real) => [...real.lines, { type: 'verdict', ok: true }], SHAPE),
  'a line that is no JSON': sealed((real) => [...real.texts, '{'], SHAPE),
  'a blank line': sealed((real) => [...real.texts, ''], SHAPE),
  'half a surrogate pair in a line': sealed(
    (real) => [...real.texts, '{"type":"transition","document":"\\ud800"}'],
    SHAPE,
  ),
  'lines that end in CR LF': lines((texts) => texts.map((text) => `${text}\r`)),
  'a byte order mark before the bundle': lines(
    (texts) => [`\ufeff${texts[0] ?? ''}`, ...texts.slice(1)],
    /not one of a/,
  ),
  'no header': sealed((real) => real.lines.slice(1), /not one of a journal/),
  'a second header': sealed((real) => [...real.lines, real.lines[0] ?? {}], SHAPE),
  'another selection in the header': lines((texts) => [
    (texts[0] ?? '').replace('{"kind":"all"}', '{"kind":"contexts"}'),
    ...texts.slice(1),
  ]),
  'an unknown selection': sealed(
    (real) => real.nth('bundle', 0, (l) => ({ ...l, selection: { kind: 'some' } })),
    SHAPE,
  ),
  'a header of another version': sealed((real) => real.nth('bundle', 0, (l) => ({ ...l, v: 2 })), SHAPE),
  'a record of another session than was selected': sealed(
    (real) => real.nth('bundle', 0, (l) => ({ ...l, selection: { kind: 'session', sid: sha384('another') } })),
    /does not belong to what the bundle says/,
  ),
  'a record of another time than was selected': sealed(
    (real) => real.nth('bundle', 0, (l) => ({ ...l, selection: { kind: 'time', from: NOW + 1 } })),
    /does not belong to what the bundle says/,
  ),
  'another key under the kid of a signer': sealed(
    (real) => real.nth('key', 2, (l) => ({ ...l, jwk: { ...Object(l['jwk']), pub: flipped(Object(l['jwk']).pub) } })),
    /not the one that its kid names/,
  ),
  'a private member in a key': sealed(
    (real) => real.nth('key', 2, (l) => ({ ...l, jwk: { ...Object(l['jwk']), priv: 'AA' } })),
    SHAPE,
  ),
  'more keys than a bundle may have': sealed(
    (real) => [...real.lines, ...Array.from({ length: 1025 }, (_, number) => anyKey(number))],
    /too many keys/,
  ),
  'a key of another algorithm': sealed(
    (real) => real.nth('key', 2, (l) => ({ ...l, jwk: { ...Object(l['jwk']), alg: 'ML-DSA-65' } })),
    SHAPE,
  ),
  'a key that ended before it signed': sealed(
    (real) => real.nth('key', 2, (l) => ({ ...l, until: NOW })),
    /outside the window of its key/,
  ),
  'a key that begins after it signed': sealed(
    (real) => real.nth('key', 2, (l) => ({ ...l, from: NOW + 1 })),
    /outside the window of its key/,
  ),
  'a key that was revoked before it signed': sealed(
    (real) => real.nth('key', 2, (l) => ({ ...l, revoked: NOW })),
    /outside the window of its key/,
  ),
  'the window of a key taken out': lines((texts) => texts.map((text) => text.replace(`,"until":${NOW}`, ''))),
  'another transcript of a handshake': sealed(
    (real) => real.nth('handshake', 0, (l) => ({ ...l, transcript: flipped(l['transcript']) })),
    /not that of its connection/,
  ),
  'a handshake of another connection': sealed(
    (real) => real.nth('handshake', 0, (l) => ({ ...l, conn: flipped(l['conn']) })),
    /not that of its connection/,
  ),
  'an unknown suite of a handshake': sealed(
    (real) => real.nth('handshake', 0, (l) => ({ ...l, suite: 'NULL' })),
    SHAPE,
  ),
  'the time of a transition': sealed(
    (real) =>
      real.nth('transition', 0, (l) => {
        const document = Object(JSON.parse(String(l['document'])))
        return {
          ...l,
          document: JSON.stringify({ ...document, payload: edited(document.payload, { at: NOW - 2000 }) }),
        }
      }),
    /not one that both of its keys signed/,
  ),
  'a transition that only one key signed': sealed(
    (real) =>
      real.nth('transition', 0, (l) => {
        const document = Object(JSON.parse(String(l['document'])))
        return {
          ...l,
          document: JSON.stringify({ ...document, signatures: [document.signatures[0], document.signatures[0]] }),
        }
      }),
    /not one that both of its keys signed/,
  ),
  'a signer whom a later transition leads to': {
    reason: /outside the window of its key/,
    trust: ({ former, gateway }) => [former.kid, gateway.kid],
    forge: async ({ of }) => {
      const { entries } = await wholeTalk(of)
      return await bundleOf(entries, {
        exporter: of.client,
        transitions: [await documentOf(of.former, of.client, NOW + 1)],
      })
    },
  },
  'a signer whom a transition from a stranger leads to': {
    reason: /key is not one that is trusted/,
    trust: ({ gateway }) => [gateway.kid],
    forge: async ({ of }) => {
      const { entries } = await wholeTalk(of)
      return await bundleOf(entries, {
        exporter: of.gateway,
        transitions: [await documentOf(of.stranger, of.client, NOW - 1)],
      })
    },
  },
}

/** The signed root of a batch, and the manifest. */
const batch = (change: (jws: Record<string, string>) => object, reason: RegExp): Forgery =>
  sealed((real) => {
    const forged = jwsWith(real.lines[real.indexOf('batch', 0)] ?? {}, change)
    const [from, to] = [real.lines[real.indexOf('batch', 0)]?.['digest'], sha384(forged['jws'])]
    // Whoever changes a batch can name it anew.
    return real.lines.map((line) =>
      line['type'] === 'batch' && line['digest'] === from
        ? { ...forged, digest: to }
        : line['batch'] === from
          ? { ...line, batch: to }
          : line,
    )
  }, reason)

const MALFORMED = /signed root of a batch is malformed|another kind than a batch|payload of a batch is malformed/
const UNSIGNED = /signature on the root does not hold/

export const FORGED_BATCHES: Readonly<Record<string, Forgery>> = {
  'another algorithm of a batch': batch(
    (m) => ({ ...m, protected: edited(m['protected'], { alg: 'ML-DSA-65' }) }),
    UNSIGNED,
  ),
  'no algorithm of a batch': batch((m) => ({ ...m, protected: edited(m['protected'], { alg: 'none' }) }), UNSIGNED),
  'another kind of a batch': batch((m) => ({ ...m, protected: edited(m['protected'], { typ: 'JWT' }) }), MALFORMED),
  'another kid of a batch': batch((m) => ({ ...m, protected: edited(m['protected'], { kid: sha384('x') }) }), UNSIGNED),
  'a key in the header of a batch': batch((m) => ({ ...m, protected: edited(m['protected'], { jwk: {} }) }), MALFORMED),
  'crit in the header of a batch': batch(
    (m) => ({ ...m, protected: edited(m['protected'], { crit: ['b64'] }) }),
    MALFORMED,
  ),
  'an unprotected header of a batch': batch((m) => ({ ...m, header: { alg: 'none' } }), MALFORMED),
  'n of a batch': batch((m) => ({ ...m, payload: edited(m['payload'], { n: 4 }) }), /does not lead|does not hold/),
  'root of a batch': batch((m) => ({ ...m, payload: edited(m['payload'], { root: sha384('x') }) }), /does not lead/),
  'custody of a batch': batch((m) => ({ ...m, payload: edited(m['payload'], { custody: 'hsm' }) }), UNSIGNED),
  'a custody that is none': batch((m) => ({ ...m, payload: edited(m['payload'], { custody: 'tpm' }) }), MALFORMED),
  'the signature of a batch': batch((m) => ({ ...m, signature: flipped(m['signature']) }), UNSIGNED),
  'no signature of a batch': batch((m) => ({ ...m, signature: '' }), UNSIGNED),
  'padding in a batch': batch((m) => ({ ...m, payload: `${m['payload'] ?? ''}=` }), MALFORMED),
  'a batch with 8 KiB of white space': sealed((real) => {
    const at = real.indexOf('batch', 0)
    const jws = `${String(real.lines[at]?.['jws'])}${' '.repeat(8192)}`
    const [from, to] = [real.lines[at]?.['digest'], sha384(jws)]
    return real.lines.map((line, index) =>
      index === at ? { ...line, jws, digest: to } : line['batch'] === from ? { ...line, batch: to } : line,
    )
  }, /longer than 8192 bytes/),
  'a wrong digest of a batch': sealed(
    (real) => real.nth('batch', 0, (l) => ({ ...l, digest: flipped(l['digest']) })),
    /names its batch by a wrong digest/,
  ),
}

/** A key line that nobody needs. */
function anyKey(number: number): Line {
  const publicKey = new Uint8Array(1952)
  new DataView(publicKey.buffer).setUint32(0, number)
  const kid = thumbprint('ML-DSA-65', publicKey)
  return { type: 'key', kid, jwk: exportJwk('ML-DSA-65', publicKey) }
}

const manifest = (change: (jws: Record<string, string>) => object, reason: RegExp): Forgery => ({
  reason,
  forge: (real) => real.unsealed(real.texts, JSON.stringify(jwsWith(JSON.parse(real.manifest), change))),
})

export const FORGED_MANIFESTS: Readonly<Record<string, Forgery>> = {
  'digest of the manifest': manifest(
    (m) => ({ ...m, payload: edited(m['payload'], { digest: sha384('x') }) }),
    CONTENT,
  ),
  'lines of the manifest': manifest((m) => ({ ...m, payload: edited(m['payload'], { lines: 99 }) }), CONTENT),
  'records of the manifest': manifest((m) => ({ ...m, payload: edited(m['payload'], { records: 11 }) }), CONTENT),
  'redacted of the manifest': manifest((m) => ({ ...m, payload: edited(m['payload'], { redacted: 0 }) }), CONTENT),
  'at of the manifest': manifest((m) => ({ ...m, payload: edited(m['payload'], { at: NOW + 1 }) }), CONTENT),
  'custody of the manifest': manifest(
    (m) => ({ ...m, payload: edited(m['payload'], { custody: 'hsm' }) }),
    /signature of the manifest does not hold/,
  ),
  'an unknown member of the manifest': manifest(
    (m) => ({ ...m, payload: edited(m['payload'], { note: 'x' }) }),
    /manifest is malformed/,
  ),
  'kind of the manifest': manifest(
    (m) => ({ ...m, protected: edited(m['protected'], { typ: 'countersign-batch' }) }),
    /manifest is malformed/,
  ),
  'the signature of the manifest': manifest(
    (m) => ({ ...m, signature: flipped(m['signature']) }),
    /signature of the manifest does not hold/,
  ),
  'counts that the exporter signed and that are not so': {
    reason: CONTENT,
    forge: async (real) =>
      real.unsealed(real.texts, await real.manifestOf(real.texts, real.of.client, { records: 11 })),
  },
  'a bundle signed anew under a key that is not trusted': {
    reason: /put together by a key that is not trusted/,
    forge: async ({ of }) => await bundleOf((await wholeTalk(of)).entries, { exporter: of.stranger }),
  },
  'a bundle signed anew under a key that its header does not name': {
    reason: /signature of the manifest does not hold/,
    forge: async (real) => real.unsealed(real.texts, await real.manifestOf(real.texts, real.of.stranger)),
  },
  'the manifest of another bundle': {
    reason: CONTENT,
    forge: async (real) => {
      const other = await bundleOf((await wholeTalk(real.of)).entries, { exporter: real.of.client })
      return real.unsealed(real.texts, other.toString('utf8').split('\n').at(-2))
    },
  },
  'a line behind the manifest': {
    reason: /lines behind the manifest/,
    forge: (real) => Buffer.concat([real.unsealed(real.texts), Buffer.from(`${real.texts[6] ?? ''}\n`)]),
  },
}

function without(line: Line, ...names: readonly string[]): Line {
  return Object.fromEntries(Object.entries(line).filter(([name]) => !names.includes(name)))
}
