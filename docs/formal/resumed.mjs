// Model 8: a rekey on a connection that took a session over. PROTOCOL.md, "Rekey" and "Resume".
// Both connections of a session may rekey, side by side: that the old one is fenced is left out, in the attacker's favour.
// rk binds sid of the session and conn of the connection: on the first connection they are equal, here they are not; th_0 = th(CF) of this connection.
// Connection 1 is ideal. Connection 2 is ideal too, with the session's id in the client's and the gateway's contribution
// (resume_* and binder_* prove this of the real one), or real (with the binder).
// Switches: leak (ms_0 of every connection leaks as soon as it is made), dh / kem (this leg is broken everywhere), real,
// m_noconn (rk names the session but neither the connection nor th_0).
import { prelude, laterDecls, connOf, resOf, clientHS, serverHS, idealDecls, clientIdeal, serverIdeal } from './lib.mjs'

const decls = `
free skA: skey [private]. free skG: skey [private].
free s1C: bitstring [private]. free s1S: bitstring [private].   (* application data of epoch 1, either direction *)
event SSend(pkey, bitstring, bitstring).
(* client, gateway, n0 on the first connection or n1 on the second, session, connection, ms_1 *)
event SRekSent(pkey, pkey, bitstring, bitstring, bitstring, bitstring).
event SRekDone(pkey, pkey, bitstring, bitstring, bitstring, bitstring).
event CRekDone(pkey, pkey, bitstring, bitstring, bitstring, bitstring).
`
const rk = (o) => `h((sid, ${o.m_noconn ? '' : 'conn, th0, '}n1, suite, (n1, ek1, gx1), (ct1, gy1)))`
const names = `let conn = ${connOf('th0')} in
  let cap0 = kdf(ms0, L_cap, th0) in let sap0 = kdf(ms0, L_sap, th0) in`
const rekey = (o) => `
(* One rekey on a connection with th(CF) = th0; w says which connection it is. *)
let CRekey(skC: skey, pkS: pkey, w: bitstring, sid: bitstring, th0: bitstring, ms0: bitstring) =
  let pkC = spk(skC) in
  ${names}
  new x1: exponent; new dk1: kemsk;
  ${o.dh ? 'out(c, x1);' : ''} ${o.kem ? 'out(c, dk1);' : ''}
  let ek1 = kpk(dk1) in let gx1 = dpub(x1) in
  out(c, aenc((n1, ek1, gx1), cap0, q2));            (* RekeyInit *)
  in(c, ra: bitstring);                              (* RekeyAck *)
  let (ct1: bitstring, gy1: G, sgR: bitstring) = adec(ra, sap0, q2) in
  let rk = ${rk(o)} in
  if verify((T_rsrv, h((rk, pkS))), sgR, pkS) = true then
  let sgD = sign((T_rcli, h((rk, sgR, pkC))), skC) in
  let ms1 = ext(kdf(ms0, L_rekey, rk), both(kdec(dk1, ct1), dcli(x1, gy1))) in
  event CRekDone(pkC, pkS, w, sid, conn, ms1);
  out(c, aenc(sgD, cap0, q3));                       (* RekeyDone *)
  if pkS = spk(skG) then out(c, aenc(s1C, kdf(ms1, L_cap, rk), q1)).

let SRekey(skS: skey, pkC: pkey, w: bitstring, sid: bitstring, th0: bitstring, ms0: bitstring) =
  let pkS = spk(skS) in
  ${names}
  in(c, ri: bitstring);
  let (=n1, ek1: kempk, gx1: G) = adec(ri, cap0, q2) in
  new y1: exponent; new r1: bitstring;
  ${o.dh ? 'out(c, y1);' : ''} ${o.kem ? 'out(c, r1);' : ''}
  let ct1 = kct(ek1, r1) in let gy1 = dans(gx1, y1) in
  let rk = ${rk(o)} in
  let sgR = sign((T_rsrv, h((rk, pkS))), skS) in
  let ms1 = ext(kdf(ms0, L_rekey, rk), both(kss(ek1, r1), dsrv(gx1, y1))) in
  event SRekSent(pkC, pkS, w, sid, conn, ms1);
  out(c, aenc((ct1, gy1, sgR), sap0, q2));           (* RekeyAck *)
  in(c, dn: bitstring);                              (* RekeyDone *)
  let sgD = adec(dn, cap0, q3) in
  if verify((T_rcli, h((rk, sgR, pkC))), sgD, pkC) = true then
  event SRekDone(pkC, pkS, w, sid, conn, ms1);
  if pkC = spk(skA) then out(c, aenc(s1S, kdf(ms1, L_sap, rk), q1)).
`
// The session's id stands in both contributions, or a first connection could be taken for a second one.
const ideal2 = `let th4R = h((pkC, pkS, (ncR, sid), (nsR, sid))) in
  let msR = khh(th4R) in let sapR = kdf(msR, L_sap, th4R) in`
const res0 = resOf('ms0', 'th40')
const client2 = (o) =>
  o.real
    ? clientHS('R', o, { m3x: `(sid, (n0, mac(${res0}, t3R)))` })
    : `new ncR: bitstring; out(c, ncR); in(c, nsR: bitstring);
  ${ideal2}`
const server2 = (o) =>
  o.real
    ? `${serverHS('R', o, { id: '=pkC', pk: 'pkC' })}
  let (=sid, (=n0, bd: bitstring)) = m3xR in
  if bd = mac(${res0}, t3R) then`
    : `in(c, ncR: bitstring); new nsR: bitstring; out(c, nsR);
  ${ideal2}`
const body = (o) => `${rekey(o)}
let Client(skC: skey) =
  let pkC = spk(skC) in
  in(c, pkS: pkey);                                  (* any peer, also an insider *)
  ${clientIdeal()}
  in(c, e4: bitstring);
  if adec(e4, sap0, q0) = ready then                 (* M4 *)
  let sid = ${connOf('th40')} in
  ${o.leak ? 'out(c, ms0);' : ''}
  ( CRekey(skC, pkS, n0, sid, th40, ms0) )
  | (
  ${client2(o)}
  in(c, e4R: bitstring);
  if adec(e4R, sapR, q0) = ready then                (* M4 of the second connection *)
  ${o.leak ? 'out(c, (msR, th4R));' : ''}
  CRekey(skC, pkS, n1, sid, th4R, msR) ).

let Server(skS: skey) =
  let pkS = spk(skS) in
  ${serverIdeal()}
  let sid = ${connOf('th40')} in
  out(c, aenc(ready, sap0, q0));
  ${o.leak ? 'out(c, ms0);' : ''}
  ( SRekey(skS, pkC, n0, sid, th40, ms0) )
  | (
  ${server2(o)}
  out(c, aenc(ready, sapR, q0));
  ${o.leak ? 'out(c, (msR, th4R));' : ''}
  SRekey(skS, pkC, n1, sid, th4R, msR) ).

process
  out(c, spk(skA)); out(c, spk(skG));
  ( (!Client(skA)) | (!Server(skG)) )
`
const sec = [
  ['query attacker(s1C).', true, 's1C stays secret'],
  ['query attacker(s1S).', true, 's1S stays secret'],
]
const V = 'w: bitstring, sid: bitstring, t: bitstring, k: bitstring'
const agree = [
  [
    `query pc: pkey, ${V}; inj-event(CRekDone(pc, spk(skG), w, sid, t, k)) ==> inj-event(SRekSent(pc, spk(skG), w, sid, t, k)).`,
    true,
    'client ends a rekey -> the gateway did it: same session, connection, ms_1; once',
  ],
  [
    `query ps: pkey, ${V}; inj-event(SRekDone(spk(skA), ps, w, sid, t, k)) ==> inj-event(CRekDone(spk(skA), ps, w, sid, t, k)).`,
    true,
    'gateway ends a rekey -> the client did it: same session, connection, ms_1; once',
  ],
]
const reach = [
  [
    'query ps: pkey, sid: bitstring, t: bitstring, k: bitstring; event(SRekDone(spk(skA), ps, n1, sid, t, k)).',
    false,
    'reachable: rekey on the second connection',
  ],
]
const flip = (qs, ...bad) => qs.map(([q, r, m], i) => [q, bad.includes(i) ? false : r, m])
const mk = (o, qs0) => {
  const qs = [...qs0, ...reach]
  const src = prelude(o) + laterDecls + idealDecls + decls + qs.map((q) => q[0]).join('\n') + '\n' + body(o)
  return { src, expect: qs }
}
export default {
  resumed_base: mk({}, sec),
  resumed_agree: mk({}, agree),
  resumed_leak: mk({ leak: 1 }, [...sec, ...agree]),
  resumed_leak_dh: mk({ leak: 1, dh: 1 }, sec),
  resumed_leak_kem: mk({ leak: 1, kem: 1 }, sec),
  resumed_m_noconn: mk({ leak: 1, m_noconn: 1 }, [...sec, ...flip(agree, 0, 1)]),
  resumed_real_leak: mk({ leak: 1, real: 1 }, sec),
  resumed_real_agree: mk({ real: 1 }, agree),
}
