// Model 9: what the binder and the attempt counter of a resume are for. PROTOCOL.md, "Resume".
// CI carries the critical extension `resume`: [sid, attempt, count, chain head, sent, held, [[epoch, binder]...]], where
//   binder = HMAC(res of the old connection's epoch, th(SF) of the new handshake)
// Ready's third member is [resumed, count, head, sent, held]. What the positions do is resume.mjs; here the attacker chooses
// them (`got`, `pos`), and the connection is lost right after Ready. The first handshake is ideal, the others are real.
// Stray: a second process with the SAME identity key (a second window, a copy of the key's credentials), which does not
// hold the session and lets the attacker tell it what to resume. The signature is right and the kid is right; only the binder tells it apart.
// Switches: leak (ms_0 leaks), dh / kem (this leg of the new handshakes is broken everywhere), strayValue (Stray is handed a
// binder instead of a key to make one), epoch (both sides had come to epoch 1, ideally, and the client names both), two (the
// gateway is resumed twice; Ready of the first was lost, so both attempts name the same old connection).
// Mutants: m_none (binder not looked at), m_sidonly (binder over the session's id, not th(SF)), m_anyepoch (any epoch's
// binder will do), m_noattempt (the counter is not looked at).
import { prelude, laterDecls, connOf, resOf, clientHS, serverHS, idealDecls, clientIdeal, serverIdeal } from './lib.mjs'

const decls = (o) => `
free skA: skey [private]. free skG: skey [private].
const a1, a2: bitstring.                             (* attempts *)
event SSend(pkey, bitstring, bitstring).
(* client, gateway, session, attempt, th(CF) of the new connection; then the gateway's positions *)
event COffer(pkey, pkey, bitstring, bitstring, bitstring).
event SRes(pkey, pkey, bitstring, bitstring, bitstring, bitstring).
event CRes(pkey, pkey, bitstring, bitstring, bitstring, bitstring).
(* client, gateway, session, attempt that was in charge, attempt that took over *)
event SOver(pkey, pkey, bitstring, bitstring, bitstring).
${
  o.epoch
    ? `(* ms_1, ideal like ms_0: known to these two alone, and to insiders where they are one of them *)
reduc forall k: skey, p: pkey, a: bitstring, b: bitstring, e: bitstring; insiderC1(k, p, a, b, e) = khh((h((spk(k), p, a, b)), e)).
reduc forall k: skey, p: pkey, a: bitstring, b: bitstring, e: bitstring; insiderS1(k, p, a, b, e) = khh((h((p, spk(k), a, b)), e)).`
    : ''
}
`
const over = (o, i) => (o.m_sidonly ? 'sid' : `t3${i}`)
// The list of binders: as sent by whoever has res0 (and res1), as read by the gateway, as checked by it.
const list = (o, i, r0, r1) => {
  const entry = (n, r) => `(${n}, mac(${r}, ${over(o, i)}))`
  return o.epoch ? `${entry('n0', r0)}, ${entry('n1', r1)}` : entry('n0', r0)
}
const read = (o, i) => `(=n0, b0${i}: bitstring)${o.epoch ? `, (=n1, b1${i}: bitstring)` : ''}`
const check = (o, i) => {
  if (o.m_none) return ''
  const old = `b0${i} = mac(res0, ${over(o, i)})`
  const now = `b1${i} = mac(res1, ${over(o, i)})`
  return `if ${o.epoch ? (o.m_anyepoch ? `${now} || ${old}` : now) : old} then`
}
const params = (o) => `res0: bitstring${o.epoch ? ', res1: bitstring' : ''}`
const args = (o) => `${resOf('ms0', 'th40')}${o.epoch ? `, ${resOf('khh((th40, n1))', 'th40')}` : ''}`
const stray = (o) =>
  o.strayValue
    ? clientHS('R', o, { m3x: '(sid, att, got, (n0, k))' })
    : clientHS('R', o, { m3x: `(sid, att, got, ${list(o, 'R', 'k', 'k')})` })
const body = (o) => `
let CAttempt(skC: skey, pkS: pkey, sid: bitstring, att: bitstring, ${params(o)}) =
  let pkC = spk(skC) in
  in(c, got: bitstring);
  ${clientHS('R', o, { m3x: `(sid, att, got, ${list(o, 'R', 'res0', 'res1')})`, before: 'event COffer(pkC, pkS, sid, att, th4R);' })}
  in(c, e4R: bitstring);
  let (=ready, =sid, pos: bitstring) = adec(e4R, sapR, q0) in
  event CRes(pkC, pkS, sid, att, th4R, pos).

let Stray(skC: skey) =
  let pkC = spk(skC) in
  in(c, (pkS: pkey, sid: bitstring, att: bitstring, got: bitstring, k: bitstring));
  ${stray(o)}
  0.

let Client(skC: skey) =
  let pkC = spk(skC) in
  in(c, pkS: pkey);                                  (* any peer, also an insider *)
  ${clientIdeal()}
  in(c, e4: bitstring);
  if adec(e4, sap0, q0) = ready then                 (* M4; then the connection is lost *)
  let sid = ${connOf('th40')} in
  ${o.leak ? 'out(c, ms0);' : ''}
  ( CAttempt(skC, pkS, sid, a1, ${args(o)}) )
  ${o.two ? `| ( CAttempt(skC, pkS, sid, a2, ${args(o)}) )` : ''}.

let SResume(skS: skey, pkC: pkey, sid: bitstring, ${params(o)}) =
  let pkS = spk(skS) in
  ${serverHS('R', o, { id: '=pkC', pk: 'pkC' })}
  let (=sid, att: bitstring, got: bitstring, ${read(o, 'R')}) = m3xR in
  ${check(o, 'R')}
  in(c, pos: bitstring);
  event SRes(pkC, pkS, sid, att, th4R, pos);
  out(c, aenc((ready, sid, pos), sapR, q0))${
    o.two
      ? `;
  ${serverHS('T', o, { id: '=pkC', pk: 'pkC' })}
  let (=sid, attT: bitstring, gotT: bitstring, ${read(o, 'T')}) = m3xT in
  ${check(o, 'T')}
  ${o.m_noattempt ? '' : 'if att = a1 then if attT = a2 then       (* a later attempt than the one in charge *)'}
  in(c, posT: bitstring);
  event SOver(pkC, pkS, sid, att, attT);
  event SRes(pkC, pkS, sid, attT, th4T, posT);
  out(c, aenc((ready, sid, posT), sapT, q0))`
      : ''
  }.

let Server(skS: skey) =
  let pkS = spk(skS) in
  ${serverIdeal()}
  let sid = ${connOf('th40')} in
  out(c, aenc(ready, sap0, q0));
  ${o.leak ? 'out(c, ms0);' : ''}
  SResume(skS, pkC, sid, ${args(o)}).

process
  out(c, spk(skA)); out(c, spk(skG));
  ( (!Client(skA)) | (!Stray(skA)) | (!Server(skG)) )
`
const V = 'sid: bitstring, a: bitstring, t: bitstring, p: bitstring'
const holder = [
  [
    `query ps: pkey, ${V}; event(SRes(spk(skA), ps, sid, a, t, p)) ==> event(COffer(spk(skA), ps, sid, a, t)).`,
    true,
    'resumed -> by the process that holds the session, not by another one with its key',
  ],
]
const agree = [
  [
    `query ps: pkey, ${V}; inj-event(SRes(spk(skA), ps, sid, a, t, p)) ==> inj-event(COffer(spk(skA), ps, sid, a, t)).`,
    true,
    'gateway resumes -> the holder made this attempt on this connection; once',
  ],
  [
    `query pc: pkey, ${V}; inj-event(CRes(pc, spk(skG), sid, a, t, p)) ==> inj-event(SRes(pc, spk(skG), sid, a, t, p)).`,
    true,
    'client resumes -> the gateway did: attempt, connection, positions; once',
  ],
]
const order = [
  [
    'query pc: pkey, ps: pkey, sid: bitstring; event(SOver(pc, ps, sid, a2, a1)).',
    true,
    'an older attempt never takes over from a newer one',
  ],
]
const reach = [
  [`query ps: pkey, ${V}; event(SRes(spk(skA), ps, sid, a, t, p)).`, false, 'reachable: gateway resumes'],
  [`query pc: pkey, ${V}; event(CRes(pc, spk(skG), sid, a, t, p)).`, false, 'reachable: client resumes'],
  [
    'query pc: pkey, ps: pkey, sid: bitstring; event(SOver(pc, ps, sid, a1, a2)).',
    false,
    'reachable: the second attempt takes over',
  ],
]
const flip = (qs, ...bad) => qs.map(([q, r, m], i) => [q, bad.includes(i) ? false : r, m])
const mk = (o, qs) => {
  const src = prelude(o) + laterDecls + idealDecls + decls(o) + qs.map((q) => q[0]).join('\n') + '\n' + body(o)
  return { src, expect: qs }
}
export default {
  binder_base: mk({}, [...holder, reach[0], reach[1]]),
  binder_agree: mk({}, [...agree, reach[1]]),
  binder_both: mk({ dh: 1, kem: 1, strayValue: 1 }, [...holder, reach[0]]),
  binder_epoch: mk({ epoch: 1 }, [...holder, reach[0]]),
  binder_epoch_leak: mk({ epoch: 1, leak: 1 }, [...holder, reach[0]]),
  binder_leak: mk({ leak: 1 }, flip(holder, 0)), // overpowered: whoever has `res` is, to a binder, the holder
  binder_attempts: mk({ two: 1 }, [...order, agree[0], reach[2]]),
  binder_m_none: mk({ m_none: 1 }, flip(holder, 0)),
  binder_m_sidonly: mk({ dh: 1, kem: 1, strayValue: 1, m_sidonly: 1 }, flip(holder, 0)),
  binder_m_anyepoch: mk({ epoch: 1, leak: 1, m_anyepoch: 1 }, flip(holder, 0)),
  binder_m_noattempt: mk({ two: 1, m_noattempt: 1 }, flip(order, 0)),
}
