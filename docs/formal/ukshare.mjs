// Model 6: misbinding, unknown key share, reflection. PROTOCOL.md, "Handshake". Two honest keys skA and skG, each of which plays client and gateway
// (also with itself); insiders of any number. M2 carries what EE holds (`inf`),
// M3 what CI holds beside the identity (`lim`: the extension of a resume).
// Switches: dsks (signatures without exclusive ownership), weakKem (KEM secret does not bind key), noId (own identity not
// signed), noPeer (identities not in the transcript either), noTag (server and client sign under one tag), infUnsigned (inf in neither
// transcript nor signature: the letter of the design), m3Unsigned (the same for M3), dh + kem (both legs broken), fullDh (with the equation of DH),
// full (finished MACs, signatures in the transcript).
import { prelude, clientHS, serverHS } from './lib.mjs'
const decls = `
free skA: skey [private]. free skG: skey [private].
free sC: bitstring [private]. free sS: bitstring [private].
event SSend(pkey, bitstring, bitstring).
event CInf(pkey, bitstring, bitstring).
event CM3(pkey, bitstring, bitstring). event SM3(pkey, bitstring, bitstring).
event CReady(pkey, pkey, bitstring, bitstring).
event CDone(pkey, pkey, bitstring, bitstring).
event SDone(pkey, pkey, bitstring, bitstring).
`
const body = (o) => `
let Client(skC: skey) =
  let pkC = spk(skC) in
  in(c, pkS: pkey);
  new lim: bitstring;
  ${clientHS('0', o, { m3x: 'lim', before: 'event CM3(pkC, m3x0, th20); event CInf(pkS, inf0, th20); event CReady(pkC, pkS, th40, ms0);' })}
  in(c, e4: bitstring);
  if adec(e4, sap0, q0) = ready then
  event CDone(pkC, pkS, th40, ms0);
  if pkS = spk(skG) then out(c, aenc(sC, cap0, q1)).
let Server(skS: skey) =
  let pkS = spk(skS) in
  new pol: bitstring;
  ${serverHS('0', o, { inf: 'pol' })}
  event SM3(pkC, m3x0, th20);
  event SDone(pkC, pkS, th40, ms0);
  out(c, aenc(ready, sap0, q0));
  if pkC = spk(skA) then out(c, aenc(sS, sap0, q1)).
process
  out(c, spk(skA)); out(c, spk(skG));
  ( (!Client(skA)) | (!Server(skG)) ${o.single ? '' : '| (!Client(skG)) | (!Server(skA))'} )
`
const sec = [
  ['query attacker(sC).', true, 'client data secret'],
  ['query attacker(sS).', true, 'gateway data secret'],
]
const agree = [
  [
    'query pc: pkey, t: bitstring, k: bitstring; inj-event(CDone(pc, spk(skG), t, k)) ==> inj-event(SDone(pc, spk(skG), t, k)).',
    true,
    'client done with G -> G done with this client, transcript, ms_0; once',
  ],
  [
    'query ps: pkey, t: bitstring, k: bitstring; inj-event(SDone(spk(skA), ps, t, k)) ==> inj-event(CReady(spk(skA), ps, t, k)).',
    true,
    'gateway done with A -> A was ready for this gateway, transcript, ms_0; once',
  ],
]
const uks = [
  [
    'query a: pkey, b: pkey, a2: pkey, b2: pkey, t: bitstring, t2: bitstring, k: bitstring; event(CDone(a, b, t, k)) && event(SDone(a2, b2, t2, k)) ==> a = a2 && b = b2 && t = t2.',
    true,
    'one ms_0 -> one pair of identities',
  ],
]
const inf = [
  [
    'query i: bitstring, t: bitstring; event(CInf(spk(skG), i, t)) ==> event(SSend(spk(skG), i, t)).',
    true,
    "limits and policy digest are the gateway's",
  ],
]
const m3 = [
  [
    'query i: bitstring, t: bitstring; event(SM3(spk(skA), i, t)) ==> event(CM3(spk(skA), i, t)).',
    true,
    "what M3 carries beside the identity (resume data) is the client's",
  ],
]
const reach = [
  ['query pc: pkey, t: bitstring, k: bitstring; event(CDone(pc, spk(skG), t, k)).', false, 'reachable: client done'],
  [
    'query t: bitstring, k: bitstring; event(SDone(spk(skG), spk(skG), t, k)).',
    false,
    'reachable: a key in session with itself',
  ],
]
const flip = (qs, ...bad) => qs.map(([q, r, m], i) => [q, bad.includes(i) ? false : r, m])
const mk = (o, qs0) => {
  const qs = qs0.some((q) => q[2].startsWith('reach')) || !qs0.some((q) => q[1]) ? qs0 : [...qs0, reach[0]]
  return { src: prelude(o) + decls + qs.map((q) => q[0]).join('\n') + '\n' + body(o), expect: qs }
}
export default {
  uks_base: mk({}, [...sec, ...agree, ...uks, ...inf, ...reach]),
  uks_dh: mk({ dh: 1 }, [...sec, ...agree, ...uks]),
  uks_kem: mk({ kem: 1 }, [...sec, ...agree, ...uks]),
  uks_dsks_weakkem: mk({ dsks: 1, weakKem: 1 }, [...sec, ...agree, ...uks]),
  uks_full: mk({ full: 1, single: 1 }, [...sec, ...agree]),
  uks_fulldh: mk({ fullDh: 1, single: 1 }, [...sec, ...agree]),
  uks_m_notag: mk({ noTag: 1 }, [...agree]),
  uks_bothleak: mk({ dh: 1, kem: 1 }, [...inf, agree[1]]),
  uks_bothleak_uks: mk({ dh: 1, kem: 1, single: 1 }, flip(uks, 0)),
  uks_bothleak_m_inf: mk({ dh: 1, kem: 1, infUnsigned: 1 }, flip(inf, 0)),
  uks_bothleak_m3: mk({ dh: 1, kem: 1, single: 1 }, m3),
  uks_bothleak_m_m3: mk({ dh: 1, kem: 1, m3Unsigned: 1, single: 1 }, flip(m3, 0)),
  uks_bothleak_dsks: mk({ dh: 1, kem: 1, dsks: 1, single: 1 }, [agree[1]]),
  uks_bothleak_m_noid_dsks: mk({ dh: 1, kem: 1, dsks: 1, noId: 1, noPeer: 1, single: 1 }, flip([agree[1]], 0)),
}
