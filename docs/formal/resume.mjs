// Model 2: a call across a lost connection. PROTOCOL.md, "Resume" and "Contexts over
// records". A session (ideal handshake 1), one statement each way, the connection is lost at any point, a real handshake 2
// that names the session, then what was missing is sent again and the session goes on.
// Honest client key skA, honest gateway key skG; every other peer is an insider. M3 carries (session id, last sequence
// received from the gateway, its digest); M4 carries the same for the other direction. Both check "prefix of what I sent".
// Statement: (session id, direction, sequence, audience, digest of context, digest of the previous one).
// State ("a session has one connection, taking over ends the old one") is the control flow of the process.
// Mutants: m_noid (gateway does not compare the client's identity with the session's), m_nopeer (client takes any server
// on resume), m_notakeover (old connection goes on beside the new one).
// That M3's resume data must be signed is shown by uks_bothleak_m3 and its mutant. leakOld: ms_0 of every
// old connection leaks. dh / kem: this leg of handshake 2 is broken everywhere.
// binder: M3 carries the attempt and a MAC under `res` of the old connection as well (binder.mjs asks what that is for);
// without the switch both are left out, which takes a check away and so helps only the attacker.
import { prelude, laterDecls, resOf, clientHS, serverHS, idealDecls, clientIdeal, serverIdeal } from './lib.mjs'
const decls = `
free skA: skey [private]. free skG: skey [private].
(* what these two have to say to each other: from, to *)
fun words(pkey, pkey): bitstring [private].
event SSend(pkey, bitstring, bitstring).
(* client, gateway, session, connection, (sequence, digest) that the client / the gateway names *)
event COffer(pkey, pkey, bitstring, bitstring, bitstring).
event SRes(pkey, pkey, bitstring, bitstring, bitstring, bitstring).
event CRes(pkey, pkey, bitstring, bitstring, bitstring, bitstring).
event SFirst(pkey, pkey, bitstring).
(* signer, audience, session, sequence, statement *)
event Signed(pkey, pkey, bitstring, bitstring, bitstring).
event Taken(pkey, pkey, bitstring, bitstring, bitstring).
`
const res = (o) => (o.binder ? `, ${resOf('ms0', 'th40')}` : '')
const body = (o) => `
(* Client after loss; got: what it received from the gateway. *)
let CResume(skC: skey, pkS0: pkey, sid: bitstring, got: bitstring, st1: bitstring, ctx1: bitstring, sg1: bitstring${o.binder ? ', res: bitstring' : ''}) =
  let pkC = spk(skC) in
  ${o.m_nopeer ? 'in(c, pkS: pkey);' : 'let pkS = pkS0 in'}
  ${clientHS('R', o, { m3x: o.binder ? '(sid, got, n1, (n0, mac(res, t3R)))' : '(sid, got)', before: 'event COffer(pkC, pkS, sid, th4R, got);' })}
  in(c, e4R: bitstring);
  let (=ready, last: bitstring) = adec(e4R, sapR, q0) in
  if last = n0 then (
    event CRes(pkC, pkS, sid, th4R, got, last);
    out(c, aenc((st1, ctx1, sg1), capR, q1)) )                  (* again, byte for byte *)
  else if last = (n1, h(st1)) then (
    event CRes(pkC, pkS, sid, th4R, got, last);
    new ctx2: bitstring;
    let st2 = (sid, c2s, n2, pkS, h(ctx2), h(st1)) in
    event Signed(pkC, pkS, sid, n2, st2);
    out(c, aenc((st2, ctx2, sign((T_batch, leaf(st2)), skC)), capR, q1)) ).

let Client(skC: skey) =
  let pkC = spk(skC) in
  in(c, pkS: pkey);
  ${clientIdeal()}
  in(c, e4: bitstring);
  if adec(e4, sap0, q0) = ready then
  let sid = th40 in
  ${o.leakOld ? 'out(c, ms0);' : ''}
  new ctx1: bitstring;
  let body1 = (ctx1, words(pkC, pkS)) in
  let st1 = (sid, c2s, n1, pkS, h(body1), n0) in
  let sg1 = sign((T_batch, leaf(st1)), skC) in
  event Signed(pkC, pkS, sid, n1, st1);
  out(c, aenc((st1, body1, sg1), cap0, q1));
  in(c, e5: bitstring);                                          (* the answer, or anything else: the connection is lost *)
  let (rs: bitstring, rb: bitstring, rg: bitstring) = adec(e5, sap0, q1) in (
    let (=sid, =s2c, =n1, =pkC, rd: bitstring, =n0) = rs in
    if rd = h(rb) then if verify((T_batch, leaf(rs)), rg, pkS) = true then
    CResume(skC, pkS, sid, (n1, h(rs)), st1, body1, sg1${res(o)}) )
  else CResume(skC, pkS, sid, n0, st1, body1, sg1${res(o)}).

(* Gateway after loss; last: what it received from the client. *)
let SResume(skS: skey, pkC: pkey, sid: bitstring, last: bitstring, rs: bitstring, rb: bitstring, rg: bitstring${o.binder ? ', res: bitstring' : ''}) =
  let pkS = spk(skS) in
  ${serverHS('R', o, { id: o.m_noid ? 'pkD: pkey' : '=pkC', pk: o.m_noid ? 'pkD' : 'pkC' })}
  ${o.binder ? 'let (=sid, got: bitstring, =n1, (=n0, bd: bitstring)) = m3xR in\n  if bd = mac(res, t3R) then' : 'let (=sid, got: bitstring) = m3xR in'}
  ( if got = n0 then (
    event SRes(${o.m_noid ? 'pkD' : 'pkC'}, pkS, sid, th4R, got, last);
    out(c, aenc((ready, last), sapR, q0));
    out(c, aenc((rs, rb, rg), sapR, q1)) )
  else if got = (n1, h(rs)) then (
    event SRes(${o.m_noid ? 'pkD' : 'pkC'}, pkS, sid, th4R, got, last);
    out(c, aenc((ready, last), sapR, q0)) ) )
  | (
  if got = n0 || got = (n1, h(rs)) then
  in(c, e6: bitstring);
  let (st: bitstring, b: bitstring, sg: bitstring) = adec(e6, capR, q1) in
  if verify((T_batch, leaf(st)), sg, ${o.m_noid ? 'pkD' : 'pkC'}) = true then
  if last = n0 then (
    let (=sid, =c2s, =n1, =pkS, d: bitstring, =n0) = st in
    if d = h(b) then event Taken(${o.m_noid ? 'pkD' : 'pkC'}, pkS, sid, n1, st) )
  else (
    let (=n1, pv: bitstring) = last in
    let (=sid, =c2s, =n2, =pkS, d: bitstring, =pv) = st in
    if d = h(b) then event Taken(${o.m_noid ? 'pkD' : 'pkC'}, pkS, sid, n2, st) ) ).

let Server(skS: skey) =
  let pkS = spk(skS) in
  ${serverIdeal()}
  let sid = th40 in
  ${o.leakOld ? 'out(c, ms0);' : ''}
  event SFirst(pkC, pkS, sid);
  out(c, aenc(ready, sap0, q0));
  new rc: bitstring;
  let rb = (rc, words(pkS, pkC)) in
  let rs = (sid, s2c, n1, pkC, h(rb), n0) in
  let rg = sign((T_batch, leaf(rs)), skS) in
  event Signed(pkS, pkC, sid, n1, rs);
  out(c, aenc((rs, rb, rg), sap0, q1));
  ${o.m_notakeover ? `(SResume(skS, pkC, sid, n0, rs, rb, rg${res(o)})) | ` : ''}(
  in(c, e5: bitstring);
  let (st: bitstring, b: bitstring, sg: bitstring) = adec(e5, cap0, q1) in (
    let (=sid, =c2s, =n1, =pkS, d: bitstring, =n0) = st in
    if d = h(b) then if verify((T_batch, leaf(st)), sg, pkC) = true then
    event Taken(pkC, pkS, sid, n1, st);
    SResume(skS, pkC, sid, (n1, h(st)), rs, rb, rg${res(o)}) )
  else SResume(skS, pkC, sid, n0, rs, rb, rg${res(o)}) ).

process
  out(c, spk(skA)); out(c, spk(skG));
  ( (!Client(skA)) | (!Server(skG)) )
`
const V = 'sid: bitstring, t: bitstring, a: bitstring, b: bitstring'
const sec = [
  ['query attacker(words(spk(skG), spk(skA))).', true, 'the answer resent to A stays secret'],
  ['query attacker(words(spk(skA), spk(skG))).', true, 'the request resent to G stays secret'],
]
const agree = [
  [
    `query ps: pkey, ${V}; inj-event(SRes(spk(skA), ps, sid, t, a, b)) ==> inj-event(COffer(spk(skA), ps, sid, t, a)).`,
    true,
    'gateway resumes -> A asked for it: session, connection, digest; once',
  ],
  [
    `query pc: pkey, ${V}; inj-event(CRes(pc, spk(skG), sid, t, a, b)) ==> inj-event(SRes(pc, spk(skG), sid, t, a, b)).`,
    true,
    'client resumes -> G did: session, connection, both digests; once',
  ],
]
const owner = [
  [
    `query pc: pkey, ps: pkey, ${V}; event(SRes(pc, ps, sid, t, a, b)) ==> event(SFirst(pc, ps, sid)).`,
    true,
    'only the identity that opened a session resumes it',
  ],
]
const once = [
  [
    'query ps: pkey, sid: bitstring, n: bitstring, st: bitstring; inj-event(Taken(spk(skA), ps, sid, n, st)) ==> inj-event(Signed(spk(skA), ps, sid, n, st)).',
    true,
    'taken -> A signed it for this session, gateway, sequence; at most once',
  ],
]
const reach = [
  [`query ${V}; event(SRes(spk(skA), spk(skG), sid, t, a, b)).`, false, 'reachable: gateway resumes'],
  [`query ${V}; event(CRes(spk(skA), spk(skG), sid, t, a, b)).`, false, 'reachable: client resumes'],
  [
    'query sid: bitstring, st: bitstring; event(Taken(spk(skA), spk(skG), sid, n2, st)).',
    false,
    'reachable: statement 2 after resume',
  ],
]
const flip = (qs, ...bad) => qs.map(([q, r, m], i) => [q, bad.includes(i) ? false : r, m])
const mk = (o, qs) => ({
  src: prelude(o) + (o.binder ? laterDecls : '') + idealDecls + decls + qs.map((q) => q[0]).join('\n') + '\n' + body(o),
  expect: qs,
})
const taken = [
  [
    'query sid: bitstring, st: bitstring; event(Taken(spk(skA), spk(skG), sid, n1, st)).',
    false,
    'reachable: statement 1 taken',
  ],
]
export default {
  resume_agree: mk({}, [...agree, reach[0]]),
  resume_once: mk({}, [...once, ...taken]),
  resume_dh_agree: mk({ dh: 1 }, [...agree, reach[0]]),
  resume_kem_agree: mk({ kem: 1 }, [...agree, reach[0]]),
  resume_dh_once: mk({ dh: 1 }, [...once, ...taken]),
  resume_kem_once: mk({ kem: 1 }, [...once, ...taken]),
  resume_dh_sec: mk({ dh: 1 }, [...sec, ...owner]),
  resume_kem_sec: mk({ kem: 1 }, [...sec, ...owner]),
  resume_leakold: mk({ leakOld: 1 }, [...owner, ...agree]),
  resume_leakold_once: mk({ leakOld: 1 }, [...once, ...taken]),
  resume_m_noid: mk({ m_noid: 1 }, [...flip(sec.slice(0, 1), 0), ...flip(owner, 0)]),
  resume_m_nopeer: mk({ m_nopeer: 1 }, flip(sec.slice(1), 0)),
  resume_m_notakeover: mk({ m_notakeover: 1 }, flip(once, 0)),
  resume_base: mk({}, [...sec, ...owner, ...reach]),
  resume_binder_agree: mk({ binder: 1 }, [...agree, reach[0]]),
  resume_binder_once: mk({ binder: 1 }, [...once, ...taken]),
  resume_binder_sec: mk({ binder: 1 }, [...sec, ...owner]),
}
