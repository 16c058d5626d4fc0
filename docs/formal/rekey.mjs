// Model 1: handshake, epoch 0, one rekey, epoch 1. PROTOCOL.md, "Rekey".
//   rk = H(sid, conn, th_e, e+1, suite, RekeyInit, RekeyAck without sigS);  th_0 = th(CF)
//   sigS over H(rk, own identity), sigC over H(rk, sigS, own identity), each with a label of its own
//   ms_1 = Extract(Expand(ms_0, "rekey", rk), ss);  c_ap, s_ap from ms_1 with rk in place of th(CF)
// This is the session's first connection, so sid = conn; resumed.mjs has a later one. epochs.mjs has two rekeys and EpochStart.
// Honest client key skA, honest gateway key skG;
// every other peer is an insider whose key the attacker has. o.dual: each honest key plays both roles.
// Switches: leak0 (the handshake secret and ms_0 of every honest session leak as soon as the handshake is done),
// leak1 (ms_1 leaks, with rk: without it ms_1 gives no key), ltLeak (identity keys leak in phase 1), noSig (rekey unsigned), noSid (what is signed and
// hashed in a rekey are the rekey messages alone, as the design's text can be read), noRkTag (same tag for both
// roles), dh / kem (this leg is broken everywhere), real (the real handshake before it; else the ideal one of lib.mjs).
import { prelude, laterDecls, connOf, clientHS, serverHS, idealDecls, clientIdeal, serverIdeal } from './lib.mjs'
const rk = (o, p) =>
  o.noSid ? `h(((ek1, gx1), ct1, ${p}))` : `h((sid, conn, th40, n1, suite, (n1, ek1, gx1), (ct1, ${p})))` // n1: new epoch number
// One after the other as in the key schedule.
const names = `let conn = ${connOf('th40')} in let sid = conn in`
const sIn = (o) => `(${o.noRkTag ? 'T_rcli' : 'T_rsrv'}, h((rk, pkS)))`
// The client signs over the server's signature as well, unless the variant is the loose reading.
const cIn = (o) => (o.noSid || o.noRkTag ? '(T_rcli, h((rk, pkC)))' : '(T_rcli, h((rk, sgR, pkC)))')
const decls = `
free skA: skey [private]. free skG: skey [private].
free s0C: bitstring [private]. free s0S: bitstring [private].   (* application data of epoch 0, either direction *)
free s1C: bitstring [private]. free s1S: bitstring [private].   (* application data of epoch 1 *)
event SSend(pkey, bitstring, bitstring).
event CReady(pkey, pkey, bitstring, bitstring). event CDone(pkey, pkey, bitstring, bitstring). event SDone(pkey, pkey, bitstring, bitstring).
event SRekSent(pkey, pkey, bitstring, bitstring). event CRekDone(pkey, pkey, bitstring, bitstring). event SRekDone(pkey, pkey, bitstring, bitstring).
`
const body = (o) => `
let Client(skC: skey) =
  let pkC = spk(skC) in
  in(c, pkS: pkey);                                  (* any peer, also an insider *)
  ${o.real ? clientHS('0', o, { before: 'event CReady(pkC, pkS, th40, ms0);' }) : clientIdeal()}
  in(c, e4: bitstring);
  if adec(e4, sap0, q0) = ready then                 (* M4 *)
  event CDone(pkC, pkS, th40, ms0);
  ${names}
  ${o.leak0 ? 'out(c, (hs0, ms0));' : ''}
  ( if pkS = spk(skG) then out(c, aenc(s0C, cap0, q1)) )
  | (
  new x1: exponent; new dk1: kemsk;
  ${o.dh ? 'out(c, x1);' : ''} ${o.kem ? 'out(c, dk1);' : ''}
  let ek1 = kpk(dk1) in let gx1 = dpub(x1) in
  out(c, aenc((n1, ek1, gx1), cap0, q2));            (* RekeyInit *)
  in(c, ra: bitstring);                              (* RekeyAck *)
  let (ct1: bitstring, gy1: G, sgR: bitstring) = adec(ra, sap0, q2) in
  let rk = ${rk(o, 'gy1')} in
  ${o.noSig ? '' : `if verify(${sIn(o)}, sgR, pkS) = true then`}
  let sgD = ${o.noSig ? 'none' : `sign(${cIn(o)}, skC)`} in
  let ms1 = ext(kdf(ms0, L_rekey, rk), both(kdec(dk1, ct1), dcli(x1, gy1))) in
  event CRekDone(pkC, pkS, th40, ms1);
  out(c, aenc(sgD, cap0, q3));                       (* RekeyDone, last record of the old epoch *)
  ${o.leak1 ? 'out(c, (ms1, rk));' : ''}
  if pkS = spk(skG) then out(c, aenc(s1C, kdf(ms1, L_cap, rk), q1)) ).

let Server(skS: skey) =
  let pkS = spk(skS) in
  ${o.real ? serverHS('0', o) : serverIdeal()}
  event SDone(pkC, pkS, th40, ms0);
  ${names}
  out(c, aenc(ready, sap0, q0));
  ${o.leak0 ? 'out(c, (hs0, ms0));' : ''}
  ( if pkC = spk(skA) then out(c, aenc(s0S, sap0, q1)) )
  | (
  in(c, ri: bitstring);
  let (=n1, ek1: kempk, gx1: G) = adec(ri, cap0, q2) in
  new y1: exponent; new r1: bitstring;
  ${o.dh ? 'out(c, y1);' : ''} ${o.kem ? 'out(c, r1);' : ''}
  let ct1 = kct(ek1, r1) in let gy1 = dans(gx1, y1) in
  let rk = ${rk(o, 'gy1')} in
  let sgR = ${o.noSig ? 'none' : `sign(${sIn(o)}, skS)`} in
  let ms1 = ext(kdf(ms0, L_rekey, rk), both(kss(ek1, r1), dsrv(gx1, y1))) in
  event SRekSent(pkC, pkS, th40, ms1);
  out(c, aenc((ct1, gy1, sgR), sap0, q2));           (* RekeyAck *)
  in(c, dn: bitstring);                              (* RekeyDone *)
  let sgD = adec(dn, cap0, q3) in
  ${o.noSig ? '' : `if verify(${cIn(o)}, sgD, pkC) = true then`}
  event SRekDone(pkC, pkS, th40, ms1);
  ${o.leak1 ? 'out(c, (ms1, rk));' : ''}
  if pkC = spk(skA) then out(c, aenc(s1S, kdf(ms1, L_sap, rk), q1)) ).

process
  out(c, spk(skA)); out(c, spk(skG));
  ( (!Client(skA)) | (!Server(skG)) ${o.dual ? '| (!Client(skG)) | (!Server(skA))' : ''} ${o.ltLeak ? '| phase 1; out(c, (skA, skG))' : ''} )
`
const sec = (...s) => s.map((x) => [`query attacker(${x}).`, true, `${x} stays secret`])
const agreeRek = [
  [
    'query pc: pkey, t: bitstring, k: bitstring; inj-event(CRekDone(pc, spk(skG), t, k)) ==> inj-event(SRekSent(pc, spk(skG), t, k)).',
    true,
    'client ends a rekey -> the gateway did it, same session, same ms_1, once',
  ],
  [
    'query ps: pkey, t: bitstring, k: bitstring; inj-event(SRekDone(spk(skA), ps, t, k)) ==> inj-event(CRekDone(spk(skA), ps, t, k)).',
    true,
    'gateway ends a rekey -> the client did it, same session, same ms_1, once',
  ],
]
const reach = [
  [
    'query pc: pkey, t: bitstring, k: bitstring; event(CRekDone(pc, spk(skG), t, k)).',
    false,
    'reachable: client rekeys',
  ],
  [
    'query ps: pkey, t: bitstring, k: bitstring; event(SRekDone(spk(skA), ps, t, k)).',
    false,
    'reachable: gateway rekeys',
  ],
]
const flip = (qs, ...bad) => qs.map(([q, r, m], i) => [q, bad.includes(i) ? false : r, m])
// Every variant in which something is to hold also shows that a rekey can be completed.
const mk = (o, qs0) => {
  const qs = o.noReach || qs0.includes(reach[1]) || !qs0.some((q) => q[1]) ? qs0 : [...qs0, reach[1]]
  return {
    src: prelude(o) + laterDecls + (o.real ? '' : idealDecls) + decls + qs.map((q) => q[0]).join('\n') + '\n' + body(o),
    expect: qs,
  }
}
export default {
  rekey_real_base: mk({ real: 1 }, [...sec('s0C', 's0S', 's1C', 's1S'), ...reach]),
  rekey_real_fs: mk({ real: 1, leak1: 1 }, [...sec('s0C', 's0S')]),
  rekey_real_nosig: mk({ real: 1, leak0: 1, noSig: 1 }, flip(sec('s1C', 's1S'), 0, 1)),
  rekey_real_pcs: mk({ real: 1, leak0: 1, noReach: 1 }, sec('s1C', 's1S')), // reachability: rekey_real_base, the same but for the leak
  rekey_base: mk({}, [...sec('s0C', 's0S', 's1C', 's1S'), ...reach]),
  rekey_fs: mk({ leak1: 1 }, [...sec('s0C', 's0S'), ...flip(sec('s1C', 's1S'), 0, 1)]), // and what leaks is worth something
  rekey_later_all: mk({ ltLeak: 1 }, sec('s1C', 's1S')), // phase 1 gives identity keys and, through the ideal handshake, every ms_0
  rekey_pcs: mk({ leak0: 1 }, [...sec('s1C', 's1S'), ...reach]),
  rekey_pcs_dh: mk({ leak0: 1, dh: 1 }, sec('s1C', 's1S')),
  rekey_pcs_kem: mk({ leak0: 1, kem: 1 }, sec('s1C', 's1S')),
  rekey_pcs_both: mk({ leak0: 1, dh: 1, kem: 1 }, flip(sec('s1C'), 0)),
  rekey_pcs_nosig: mk({ leak0: 1, noSig: 1 }, flip(sec('s1C', 's1S'), 0, 1)),
  rekey_pcs_fulldh: mk({ leak0: 1, fullDh: 1 }, sec('s1C', 's1S')),
  rekey_pcs_dsks_weakkem: mk({ leak0: 1, dsks: 1, weakKem: 1, dual: 1 }, [...sec('s1C', 's1S'), ...agreeRek]),
  rekey_agree: mk({}, agreeRek),
  rekey_agree_leak0: mk({ leak0: 1 }, agreeRek),
  rekey_agree_leak0_dual: mk({ leak0: 1, dual: 1 }, agreeRek),
  rekey_nosid_leak0: mk({ leak0: 1, noSid: 1 }, [...sec('s1C', 's1S'), ...flip(agreeRek, 0, 1)]),
  rekey_notag_dual: mk({ leak0: 1, dual: 1, noRkTag: 1 }, [...flip(sec('s1S'), 0), ...flip(agreeRek, 1)]),
}
