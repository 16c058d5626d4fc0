// Model 7: two rekeys in a row, epochs 0, 1, 2, with EpochStart. PROTOCOL.md, "Rekey".
// The handshake before them is the ideal one of lib.mjs. Formulas: see rekey.mjs; here th_1 = rk_1.
// Honest client key skA, honest gateway key skG; every other peer is an insider. dual: each honest key plays both roles.
// Switches: leak0, leak1, leak2 (ms of that epoch leaks as soon as it is made), ltLeak (identity keys, and through the ideal
// handshake every ms_0, leak in phase 1), dh / kem (this leg is broken in both rekeys), dh1, kem1, dh2, kem2 (in that
// rekey alone), m_nosig (rekey 2 is unsigned), m_nosid (rk is over RekeyInit and RekeyAck alone).
import { prelude, laterDecls, connOf, idealDecls, clientIdeal, serverIdeal } from './lib.mjs'

const decls = `
free skA: skey [private]. free skG: skey [private].
(* application data of epochs 0, 1, 2, either direction *)
free s0C: bitstring [private]. free s0S: bitstring [private].
free s1C: bitstring [private]. free s1S: bitstring [private].
free s2C: bitstring [private]. free s2S: bitstring [private].
(* client, gateway, epoch, session, ms of the epoch *)
event SRekSent(pkey, pkey, bitstring, bitstring, bitstring). event SRekDone(pkey, pkey, bitstring, bitstring, bitstring).
event CRekDone(pkey, pkey, bitstring, bitstring, bitstring). event CStart(pkey, pkey, bitstring, bitstring, bitstring).
`
const rk = (o, e) =>
  o.m_nosid
    ? `h(((n${e}, ek${e}, gx${e}), (ct${e}, gy${e})))`
    : `h((sid, conn, ${e === 1 ? 'th40' : `rk${e - 1}`}, n${e}, suite, (n${e}, ek${e}, gx${e}), (ct${e}, gy${e})))`
const signed = (o, e) => !(o.m_nosig && e === 2)
const broken = (o, leg, e) => o[leg] || o[leg + e]
const keys = (e) => `let cap${e} = kdf(ms${e}, L_cap, rk${e}) in let sap${e} = kdf(ms${e}, L_sap, rk${e}) in`
// With rk, which the thief of an epoch's keys has as good as: ms alone, without its context, gives him no key of the epoch.
const leak = (o, e) => (o[`leak${e}`] ? `out(c, (ms${e}, ${e === 0 ? 'th40' : `rk${e}`}));` : '')

// From epoch e - 1 to e; `then` is what follows EpochStart.
const clientRekey = (o, e, then) => `
  new x${e}: exponent; new dk${e}: kemsk;
  ${broken(o, 'dh', e) ? `out(c, x${e});` : ''} ${broken(o, 'kem', e) ? `out(c, dk${e});` : ''}
  let ek${e} = kpk(dk${e}) in let gx${e} = dpub(x${e}) in
  out(c, aenc((n${e}, ek${e}, gx${e}), cap${e - 1}, q2));            (* RekeyInit *)
  in(c, ra${e}: bitstring);                              (* RekeyAck *)
  let (ct${e}: bitstring, gy${e}: G, sgR${e}: bitstring) = adec(ra${e}, sap${e - 1}, q2) in
  let rk${e} = ${rk(o, e)} in
  ${signed(o, e) ? `if verify((T_rsrv, h((rk${e}, pkS))), sgR${e}, pkS) = true then` : ''}
  let sgD${e} = ${signed(o, e) ? `sign((T_rcli, h((rk${e}, sgR${e}, pkC))), skC)` : 'none'} in
  let ms${e} = ext(kdf(ms${e - 1}, L_rekey, rk${e}), both(kdec(dk${e}, ct${e}), dcli(x${e}, gy${e}))) in
  ${keys(e)}
  event CRekDone(pkC, pkS, n${e}, sid, ms${e});
  out(c, aenc(sgD${e}, cap${e - 1}, q3));                        (* RekeyDone, last record of the old epoch *)
  ${leak(o, e)}
  ( if pkS = spk(skG) then out(c, aenc(s${e}C, cap${e}, q1)) )
  | (
  in(c, es${e}: bitstring);
  if adec(es${e}, sap${e}, q0) = start then              (* EpochStart *)
  event CStart(pkC, pkS, n${e}, sid, ms${e});
  ${then} )`
const serverRekey = (o, e, then) => `
  in(c, ri${e}: bitstring);
  let (=n${e}, ek${e}: kempk, gx${e}: G) = adec(ri${e}, cap${e - 1}, q2) in
  new y${e}: exponent; new r${e}: bitstring;
  ${broken(o, 'dh', e) ? `out(c, y${e});` : ''} ${broken(o, 'kem', e) ? `out(c, r${e});` : ''}
  let ct${e} = kct(ek${e}, r${e}) in let gy${e} = dans(gx${e}, y${e}) in
  let rk${e} = ${rk(o, e)} in
  let sgR${e} = ${signed(o, e) ? `sign((T_rsrv, h((rk${e}, pkS))), skS)` : 'none'} in
  let ms${e} = ext(kdf(ms${e - 1}, L_rekey, rk${e}), both(kss(ek${e}, r${e}), dsrv(gx${e}, y${e}))) in
  ${keys(e)}
  event SRekSent(pkC, pkS, n${e}, sid, ms${e});
  out(c, aenc((ct${e}, gy${e}, sgR${e}), sap${e - 1}, q2));          (* RekeyAck *)
  in(c, dn${e}: bitstring);                              (* RekeyDone *)
  let sgD${e} = adec(dn${e}, cap${e - 1}, q3) in
  ${signed(o, e) ? `if verify((T_rcli, h((rk${e}, sgR${e}, pkC))), sgD${e}, pkC) = true then` : ''}
  event SRekDone(pkC, pkS, n${e}, sid, ms${e});
  ${leak(o, e)}
  out(c, aenc(start, sap${e}, q0));                      (* EpochStart *)
  ( if pkC = spk(skA) then out(c, aenc(s${e}S, sap${e}, q1)) )
  | ( ${then} )`
const body = (o) => `
let Client(skC: skey) =
  let pkC = spk(skC) in
  in(c, pkS: pkey);                                  (* any peer, also an insider *)
  ${clientIdeal()}
  in(c, e4: bitstring);
  if adec(e4, sap0, q0) = ready then                 (* M4 *)
  let conn = ${connOf('th40')} in let sid = conn in
  ${leak(o, 0)}
  ( if pkS = spk(skG) then out(c, aenc(s0C, cap0, q1)) )
  | (${clientRekey(o, 1, clientRekey(o, 2, '0'))} ).

let Server(skS: skey) =
  let pkS = spk(skS) in
  ${serverIdeal()}
  let conn = ${connOf('th40')} in let sid = conn in
  out(c, aenc(ready, sap0, q0));
  ${leak(o, 0)}
  ( if pkC = spk(skA) then out(c, aenc(s0S, sap0, q1)) )
  | (${serverRekey(o, 1, serverRekey(o, 2, '0'))} ).

process
  out(c, spk(skA)); out(c, spk(skG));
  ( (!Client(skA)) | (!Server(skG)) ${o.dual ? '| (!Client(skG)) | (!Server(skA))' : ''} ${o.ltLeak ? '| phase 1; out(c, (skA, skG))' : ''} )
`
const sec = (...s) => s.map((x) => [`query attacker(${x}).`, true, `${x} stays secret`])
const lost = (...s) => s.map((x) => [`query attacker(${x}).`, false, `${x} is lost, as it must be`])
const V = 't: bitstring, k: bitstring'
const agree = (e) => [
  [
    `query pc: pkey, ${V}; inj-event(CRekDone(pc, spk(skG), n${e}, t, k)) ==> inj-event(SRekSent(pc, spk(skG), n${e}, t, k)).`,
    true,
    `client ends rekey ${e} -> the gateway did it, same session, same ms_${e}, once`,
  ],
  [
    `query ps: pkey, ${V}; inj-event(SRekDone(spk(skA), ps, n${e}, t, k)) ==> inj-event(CRekDone(spk(skA), ps, n${e}, t, k)).`,
    true,
    `gateway ends rekey ${e} -> the client did it, same session, same ms_${e}, once`,
  ],
]
const started = (e) => [
  [
    `query pc: pkey, ${V}; inj-event(CStart(pc, spk(skG), n${e}, t, k)) ==> inj-event(SRekDone(pc, spk(skG), n${e}, t, k)).`,
    true,
    `client sees EpochStart ${e} -> the gateway took RekeyDone, same session, same ms_${e}, once`,
  ],
]
const reach = [
  [`query pc: pkey, ${V}; event(CStart(pc, spk(skG), n2, t, k)).`, false, 'reachable: client in epoch 2'],
  [`query ps: pkey, ${V}; event(SRekDone(spk(skA), ps, n2, t, k)).`, false, 'reachable: gateway in epoch 2'],
]
const flip = (qs, ...bad) => qs.map(([q, r, m], i) => [q, bad.includes(i) ? false : r, m])
// Every variant in which something is to hold also shows that both rekeys can be completed.
const mk = (o, qs0) => {
  const qs = qs0.includes(reach[1]) || !qs0.some((q) => q[1]) ? qs0 : [...qs0, reach[1]]
  const src = prelude(o) + laterDecls + idealDecls + decls + qs.map((q) => q[0]).join('\n') + '\n' + body(o)
  return { src, expect: qs }
}
export default {
  epochs_base: mk({}, [...sec('s0C', 's0S', 's1C', 's1S', 's2C', 's2S'), ...reach]),
  epochs_agree: mk({}, [...agree(1), ...agree(2), ...started(1), ...started(2)]),
  epochs_fs: mk({ leak2: 1 }, [...sec('s0C', 's0S', 's1C', 's1S'), ...lost('s2C', 's2S')]),
  epochs_leak1: mk({ leak1: 1 }, [...sec('s0C', 's0S', 's2C', 's2S'), ...lost('s1C', 's1S')]),
  epochs_leak0_leak2: mk({ leak0: 1, leak2: 1 }, sec('s1C', 's1S')),
  epochs_leak0_leak1: mk({ leak0: 1, leak1: 1 }, [...sec('s2C', 's2S'), ...agree(1), ...agree(2), ...started(2)]),
  epochs_leak1_dh: mk({ leak1: 1, dh: 1 }, sec('s2C', 's2S')),
  epochs_leak1_kem: mk({ leak1: 1, kem: 1 }, sec('s2C', 's2S')),
  epochs_leak1_both: mk({ leak1: 1, dh2: 1, kem2: 1 }, lost('s2C')),
  epochs_heal: mk({ leak0: 1, dh1: 1, kem1: 1 }, [...sec('s2C', 's2S'), ...agree(2), ...lost('s1C')]),
  epochs_later_all: mk({ ltLeak: 1 }, sec('s1C', 's1S', 's2C', 's2S')),
  epochs_leak1_dual: mk({ leak0: 1, leak1: 1, dual: 1 }, [...sec('s2C', 's2S'), ...agree(2)]),
  epochs_leak1_dsks_weakkem: mk({ leak1: 1, dsks: 1, weakKem: 1 }, [...sec('s2C', 's2S'), ...agree(2)]),
  epochs_m_nosig: mk({ leak1: 1, m_nosig: 1 }, flip(sec('s2C', 's2S'), 0, 1)),
  epochs_m_nosid: mk({ leak0: 1, leak1: 1, m_nosid: 1 }, [...sec('s2C', 's2S'), ...flip(agree(2), 0, 1)]),
}
