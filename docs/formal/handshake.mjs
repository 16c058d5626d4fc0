// Model 0: the handshake of PROTOCOL.md, "Handshake" and "Key schedule", with finished MACs, signatures in the transcript,
// the transcript in the AAD of each flight, the equation of Diffie-Hellman and two suites; then one context in a batch
// of two leaves ("Statement", "Batch"). The other models take the lean handshake of lib.mjs and leave checks away.
// Names: th2 = th(M2), th3 = th(SF), th4 = th(CF); ks, kc, fs, fc = keys and finished keys of s_hs and c_hs; sa, ca = s_ap, c_ap.
// Switches: dh / kem (this leg is broken everywhere), fs (identity keys leak in phase 1), lt (the client's leaks at once),
// msLeak (ms_0 leaks), noTh (signatures cover the nonces alone, not the transcript), named (identity keys that queries can name).
const head = `free c: channel.
type skey. type pkey. type kemsk. type kempk. type exponent. type G.
const g: G.
fun exp(G, exponent): G.
equation forall x: exponent, y: exponent; exp(exp(g,x),y) = exp(exp(g,y),x).
fun kpk(kemsk): kempk.
fun kct(kempk, bitstring): bitstring.
fun kss(kempk, bitstring): bitstring.
reduc forall s: kemsk, r: bitstring; kdec(s, kct(kpk(s), r)) = kss(kpk(s), r).
fun spk(skey): pkey.
fun sign(bitstring, skey): bitstring.
reduc forall m: bitstring, k: skey; verify(m, sign(m,k), spk(k)) = true.
reduc forall m: bitstring, k: skey; getmess(sign(m,k)) = m.
fun h(bitstring): bitstring.
fun hl(bitstring): bitstring.
fun hn(bitstring, bitstring): bitstring.
fun comb(bitstring, G): bitstring.
fun kdf(bitstring, bitstring, bitstring): bitstring.
fun mac(bitstring, bitstring): bitstring.
fun aenc(bitstring, bitstring, bitstring): bitstring.
reduc forall m: bitstring, k: bitstring, a: bitstring; adec(aenc(m,k,a),k,a) = m.
const l_s, l_c, l_m, l_b: bitstring.
const ks, kc, fs, fc, ma, sa, ca: bitstring.
const strong, weak, offboth, offweak, ready, seq0, seq1: bitstring.
letfun pick(o: bitstring) = if o = offboth then strong else weak.
free secC: bitstring [private].
free secS: bitstring [private].
event SSend(pkey, bitstring).
event CReady(pkey, pkey, bitstring).
event CDone(pkey, pkey, bitstring).
event SDone(pkey, pkey, bitstring).
event HsmSigned(pkey, bitstring, bitstring).
event Accept(pkey, bitstring, bitstring).
event CWeak(pkey, bitstring).
event SPick(pkey, bitstring, bitstring).
`
const named = `free skC0: skey [private].
free skS0: skey [private].
`
const kC = (o) => (o.named ? 'skC0' : 'skC')
const kS = (o) => (o.named ? 'skS0' : 'skS')
const body = (o) => `
let Client(skC: skey, pkS0: pkey) =
  let pkC = spk(skC) in
  in(c, pkS: pkey);
  new nc: bitstring; new x: exponent; new sk: kemsk;
  ${o.dh ? 'out(c, x);' : ''}${o.kem ? 'out(c, sk);' : ''}
  let m1 = (nc, offboth, kpk(sk), exp(g,x)) in
  out(c, m1);
  in(c, (ns: bitstring, suite: bitstring, ct: bitstring, gy: G, ee: bitstring));
  let ss = kdec(sk, ct) in
  let hs = comb(ss, exp(gy, x)) in
  let th2 = h((m1, ns, suite, ct, gy)) in
  let (=pkS, sigS: bitstring, macS: bitstring) = adec(ee, kdf(hs, ks, th2), th2) in
  if verify(${o.noTh ? '(l_s, nc, ns)' : '(l_s, h((th2, pkS)))'}, sigS, pkS) = true then
  if macS = mac(kdf(hs, fs, th2), h((th2, pkS, sigS))) then
  let th3 = h((th2, pkS, sigS, macS)) in
  ((if suite = weak then event CWeak(pkS, m1)) | (
  let sigC = sign(${o.noTh ? '(l_c, nc, ns)' : '(l_c, h((th3, pkC)))'}, skC) in
  let macC = mac(kdf(hs, fc, th2), h((th3, pkC, sigC))) in
  let th4 = h((th3, pkC, sigC, macC)) in
  let ms = kdf(hs, ma, th4) in
  event CReady(pkC, pkS, ms);
  out(c, aenc((pkC, sigC, macC), kdf(hs, kc, th2), th3));
  in(c, m4: bitstring);
  if adec(m4, kdf(ms, sa, th4), seq0) = ready then
  event CDone(pkC, pkS, ms);
  ${o.msLeak ? 'out(c, ms);' : ''}
  ( if pkS = pkS0 then out(c, aenc(secC, kdf(ms, ca, th4), seq1)) )
  | ( new msg: bitstring; ${o.msLeak ? 'out(c, msg);' : ''}
      in(c, (sid2: bitstring, msg2: bitstring));
      let st = (l_m, th4, seq1, h(msg)) in
      let st2 = (l_m, sid2, seq1, h(msg2)) in
      event HsmSigned(pkC, th4, msg); event HsmSigned(pkC, sid2, msg2);
      let root = hn(hl(st), hl(st2)) in
      out(c, aenc((msg, hl(st2), sign((l_b, root), skC)), kdf(ms, ca, th4), seq0)) ) )).

let Server(skS: skey, pkC0: pkey) =
  let pkS = spk(skS) in
  in(c, (nc: bitstring, offer: bitstring, ek: kempk, gx: G));
  let m1 = (nc, offer, ek, gx) in
  new ns: bitstring; new y: exponent; new r: bitstring;
  ${o.dh ? 'out(c, y);' : ''}
  let suite = pick(offer) in
  event SPick(pkS, m1, suite);
  let ct = kct(ek, r) in
  let hs = comb(kss(ek, r), exp(gx, y)) in
  let th2 = h((m1, ns, suite, ct, exp(g,y))) in
  let sigS = sign(${o.noTh ? '(l_s, nc, ns)' : '(l_s, h((th2, pkS)))'}, skS) in
  let macS = mac(kdf(hs, fs, th2), h((th2, pkS, sigS))) in
  let th3 = h((th2, pkS, sigS, macS)) in
  event SSend(pkS, th3);
  out(c, (ns, suite, ct, exp(g,y), aenc((pkS, sigS, macS), kdf(hs, ks, th2), th2)));
  in(c, m3: bitstring);
  let (pkC: pkey, sigC: bitstring, macC: bitstring) = adec(m3, kdf(hs, kc, th2), th3) in
  if verify(${o.noTh ? '(l_c, nc, ns)' : '(l_c, h((th3, pkC)))'}, sigC, pkC) = true then
  if macC = mac(kdf(hs, fc, th2), h((th3, pkC, sigC))) then
  let th4 = h((th3, pkC, sigC, macC)) in
  let ms = kdf(hs, ma, th4) in
  event SDone(pkC, pkS, ms);
  ${o.msLeak ? 'out(c, ms);' : ''}
  out(c, aenc(ready, kdf(ms, sa, th4), seq0));
  ( if pkC = pkC0 then out(c, aenc(secS, kdf(ms, sa, th4), seq1)) )
  | ( in(c, m: bitstring);
      let (msg: bitstring, sib: bitstring, sg: bitstring) = adec(m, kdf(ms, ca, th4), seq0) in
      if verify((l_b, hn(hl((l_m, th4, seq1, h(msg))), sib)), sg, pkC) = true then
      event Accept(pkC, th4, msg) ).

process
  ${o.named ? '' : 'new skC: skey; new skS: skey;'}
  let pkC = spk(${kC(o)}) in let pkS = spk(${kS(o)}) in out(c, pkC); out(c, pkS);
  ( (!Client(${kC(o)}, pkS)) | (!Server(${kS(o)}, pkC)) ${o.fs ? '| phase 1; out(c, skC); out(c, skS)' : ''} ${o.lt ? `| out(c, ${kC(o)})` : ''} )
`
const sec = [
  ['query attacker(secC).', true, 'client data secret'],
  ['query attacker(secS).', true, 'gateway data secret'],
]
const agree = [
  [
    'query k: bitstring, pc: pkey; inj-event(CDone(pc, spk(skS0), k)) ==> inj-event(SDone(pc, spk(skS0), k)).',
    true,
    'client done with G -> G done with this client and ms_0; once',
  ],
  [
    'query k: bitstring, ps: pkey; inj-event(SDone(spk(skC0), ps, k)) ==> inj-event(CReady(spk(skC0), ps, k)).',
    true,
    'gateway done with A -> A was ready for this gateway and ms_0; once',
  ],
]
const signed = [
  [
    'query t: bitstring, m: bitstring; inj-event(Accept(spk(skC0), t, m)) ==> inj-event(HsmSigned(spk(skC0), t, m)).',
    true,
    'context accepted -> the key signed it for this session; at most once',
  ],
]
const down = [
  [
    'query m1: bitstring; event(CWeak(spk(skS0), m1)).',
    true,
    'a client that offered both never goes on with the weak suite',
  ],
]
const reach = [
  ['query k: bitstring, pc: pkey, ps: pkey; event(CDone(pc, ps, k)).', false, 'reachable: client done'],
  ['query t: bitstring, m: bitstring; event(Accept(spk(skC0), t, m)).', false, 'reachable: context accepted'],
]
const kci = [
  [
    'query k: bitstring; inj-event(CDone(spk(skC0), spk(skS0), k)) ==> inj-event(SDone(spk(skC0), spk(skS0), k)).',
    true,
    "whoever has the client's key cannot be the gateway to it",
  ],
]
const flip = (qs, ...bad) => qs.map(([q, r, m], i) => [q, bad.includes(i) ? false : r, m])
const mk = (o, qs) => ({
  src: head + (o.named ? named : '') + qs.map((q) => q[0]).join('\n') + '\n' + body(o),
  expect: qs,
})
const all = [...agree, ...signed, ...down, ...reach]
export default {
  handshake_sec: mk({}, sec),
  handshake_fs: mk({ fs: 1 }, sec),
  handshake_fs_dh: mk({ dh: 1, fs: 1 }, sec),
  handshake_fs_kem: mk({ kem: 1, fs: 1 }, sec),
  handshake_both: mk({ dh: 1, kem: 1 }, flip(sec, 0, 1)),
  handshake_agree: mk({ named: 1 }, all),
  handshake_agree_dh: mk({ named: 1, dh: 1 }, all),
  handshake_agree_kem: mk({ named: 1, kem: 1 }, all),
  handshake_msleak: mk({ named: 1, msLeak: 1 }, [...signed, reach[1]]),
  handshake_kci: mk({ named: 1, lt: 1 }, kci),
  handshake_m_noth: mk({ named: 1, noTh: 1 }, [...flip([...agree, ...down], 0, 1, 2), ...reach]),
}
