// Model 3: Retry and cookie. PROTOCOL.md, "Handshake". Client and gateway both allow the direct way and the way through M1r. Two suites, strong and
// weak; key shares belong to one suite (M1 brings shares for the best offered, M1r may ask for the other's).
// M1r is Retry, element 0x0a; H(M1) stands in the transcript as element 0xfe. The slot in the cookie (a clock) is left out.
// The stateless gateway must rebuild H(M1) and M1r from M1' alone:
//   base        cookie = (H(M1), suite asked for, MAC(key, H(M1), suite, peer)); H(M1) and the suite are read from it
//   m_nosuite   cookie MAC covers H(M1) and peer only (the letter of the design), suite of M1r rebuilt from M1' shares
//   recompute   as m_nosuite, but the gateway picks anew from the offer in M1' and wants the shares of that suite
//   m_notrans   M1 and M1r are left out of the transcript, suite as in m_nosuite
// An offer is `both` or `weak only`; the gateway prefers strong where it is offered.
import { prelude } from './lib.mjs'
const decls = `
const strong, weak, offBoth, offWeak: bitstring.
free skA: skey [private]. free skG: skey [private]. free kck: bitstring [private].
free sC: bitstring [private].
event CDone(pkey, pkey, bitstring, bitstring, bitstring, bitstring).   (* client, gateway, M1, what came between, M1', suite *)
event SDone(pkey, pkey, bitstring, bitstring, bitstring, bitstring).
event CReady(pkey, pkey, bitstring, bitstring, bitstring, bitstring).
event Issued(bitstring, bitstring, bitstring). event Honoured(bitstring, bitstring, bitstring).
event CWeak(pkey, bitstring). event CRetryWeak(pkey, bitstring). event CRetry(pkey). 
letfun best(o: bitstring) = if o = offBoth then strong else weak.
`
const th = (o, first, retry, second) =>
  o.m_notrans ? `h((none, none, ${second}, ns, ct, gy))` : `h((${first}, ${retry}, ${second}, ns, ct, gy))`
const body = (o) => `
(* rest of the client: h1 = H(M1) or none, mr = M1r or none, m1 = the hello that counts, want = suite of its shares *)
let CRest(skC: skey, pkS: pkey, offer: bitstring, h1: bitstring, mr: bitstring, m1: bitstring, want: bitstring, x: exponent, dk: kemsk) =
  let pkC = spk(skC) in
  in(c, (ns: bitstring, =want, ct: bitstring, gy: G, e2: bitstring));      (* M2: suite must be that of the shares *)
  let hs = comb(kdec(dk, ct), dcli(x, gy)) in
  let th2 = ${th(o, 'h1', 'mr', 'm1')} in
  let (=pkS, sg: bitstring) = adec(e2, kdf(hs, L_shs, th2), q0) in
  if verify((T_srv, want, h((th2, pkS))), sg, pkS) = true then
  let t3 = h((th2, pkS)) in
  let ms = kdf(hs, L_ms, none) in let th4 = h((t3, pkC)) in
  event CReady(pkC, pkS, h1, mr, m1, want);
  out(c, aenc((pkC, sign((T_cli, want, h((t3, pkC))), skC)), kdf(hs, L_chs, th2), q0));
  in(c, e4: bitstring);
  if adec(e4, kdf(ms, L_sap, th4), q0) = ready then
  event CDone(pkC, pkS, h1, mr, m1, want);
  ( if offer = offBoth then if want = weak then event CWeak(pkS, m1) )
  | ( if mr <> none then event CRetry(pkS) )
  | ( if pkS = spk(skG) then out(c, aenc(sC, kdf(ms, L_cap, th4), q1)) ).

let Client(skC: skey) =
  in(c, (pkS: pkey, offer: bitstring));
  let want = best(offer) in
  new nc: bitstring; new x: exponent; new dk: kemsk;
  let m1 = (nc, offer, want, kpk(dk), dpub(x), none) in
  out(c, m1);
  ( CRest(skC, pkS, offer, none, none, m1, want, x, dk) )
  | ( in(c, (=s2c, want2: bitstring, cookie: bitstring));                  (* M1r; only one, ever *)
      if want2 = want then (                                               (* same shares, cookie added *)
        let m1b = (nc, offer, want, kpk(dk), dpub(x), cookie) in
        out(c, m1b); CRest(skC, pkS, offer, h(m1), (want2, cookie), m1b, want2, x, dk) )
      else if offer = offBoth then (
        new x2: exponent; new dk2: kemsk;
        let m1b = (nc, offer, want2, kpk(dk2), dpub(x2), cookie) in
        out(c, m1b); CRest(skC, pkS, offer, h(m1), (want2, cookie), m1b, want2, x2, dk2) ) ).

let SRest(skS: skey, h1: bitstring, mr: bitstring, m1: bitstring, suite: bitstring, ek: kempk, gx: G) =
  let pkS = spk(skS) in
  new ns: bitstring; new y: exponent; new r: bitstring;
  let ct = kct(ek, r) in let gy = dans(gx, y) in
  let hs = comb(kss(ek, r), dsrv(gx, y)) in
  let th2 = ${th(o, 'h1', 'mr', 'm1')} in
  let t3 = h((th2, pkS)) in
  out(c, (ns, suite, ct, gy, aenc((pkS, sign((T_srv, suite, h((th2, pkS))), skS)), kdf(hs, L_shs, th2), q0)));
  in(c, e3: bitstring);
  let (pkC: pkey, sg: bitstring) = adec(e3, kdf(hs, L_chs, th2), q0) in
  if verify((T_cli, suite, h((t3, pkC))), sg, pkC) = true then
  let ms = kdf(hs, L_ms, none) in let th4 = h((t3, pkC)) in
  event SDone(pkC, pkS, h1, mr, m1, suite);
  out(c, aenc(ready, kdf(ms, L_sap, th4), q0)).

(* Direct; the gateway takes the best suite offered and needs shares for it. *)
let Server(skS: skey) =
  in(c, (nc: bitstring, offer: bitstring, sh: bitstring, ek: kempk, gx: G, ck: bitstring));
  if ck = none then if sh = best(offer) then
  SRest(skS, none, none, (nc, offer, sh, ek, gx, ck), sh, ek, gx).
(* Under load: M1 -> M1r, nothing kept. *)
let Cookie() =
  in(c, (peer: bitstring, (nc: bitstring, offer: bitstring, sh: bitstring, ek: kempk, gx: G, ck: bitstring)));
  if ck = none then
  let m1 = (nc, offer, sh, ek, gx, ck) in
  let suite = best(offer) in
  event Issued(h(m1), suite, peer);
  ${
    o.m_nosuite || o.m_notrans
      ? 'out(c, (s2c, suite, (h(m1), mac(kck, (h(m1), peer))))).'
      : 'out(c, (s2c, suite, (h(m1), suite, mac(kck, (h(m1), suite, peer))))).'
  }
let Server2(skS: skey) =
  in(c, (peer: bitstring, (nc: bitstring, offer: bitstring, sh: bitstring, ek: kempk, gx: G, ck: bitstring)));
  ${
    o.m_nosuite || o.m_notrans
      ? `let (h1: bitstring, mc: bitstring) = ck in if mc = mac(kck, (h1, peer)) then
  ${o.m_nosuite && !o.recompute ? '' : o.m_notrans ? '' : 'if sh = best(offer) then'}
  event Honoured(h1, sh, peer);
  SRest(skS, h1, (sh, ck), (nc, offer, sh, ek, gx, ck), sh, ek, gx).`
      : `let (h1: bitstring, =sh, mc: bitstring) = ck in if mc = mac(kck, (h1, sh, peer)) then
  event Honoured(h1, sh, peer);
  SRest(skS, h1, (sh, ck), (nc, offer, sh, ek, gx, ck), sh, ek, gx).`
  }
process
  out(c, spk(skA)); out(c, spk(skG));
  ( (!Client(skA)) | (!Server(skG)) | (!Cookie()) | (!Server2(skG)) )
`
const V = 'h1: bitstring, mr: bitstring, m1: bitstring, s: bitstring'
const agree = [
  [
    `query pc: pkey, ${V}; inj-event(CDone(pc, spk(skG), h1, mr, m1, s)) ==> inj-event(SDone(pc, spk(skG), h1, mr, m1, s)).`,
    true,
    "client done -> gateway saw the same M1, M1r, M1', suite; once",
  ],
  [
    `query ps: pkey, ${V}; inj-event(SDone(spk(skA), ps, h1, mr, m1, s)) ==> inj-event(CReady(spk(skA), ps, h1, mr, m1, s)).`,
    true,
    "gateway done -> client sent the same M1, M1r, M1', suite; once",
  ],
]
const down = [
  ['query m1: bitstring; event(CWeak(spk(skG), m1)).', true, 'a client that offered both never ends with weak'],
]
const forge = [
  [
    'query a: bitstring, s: bitstring, p: bitstring; event(Honoured(a, s, p)) ==> event(Issued(a, s, p)).',
    true,
    'cookie honoured -> issued for this M1, suite, peer',
  ],
]
const reach = [
  ['query ps: pkey; event(CRetry(spk(skG))).', false, 'reachable: done through Retry'],
  [`query ${V}; event(CDone(spk(skA), spk(skG), none, none, m1, strong)).`, false, 'reachable: done directly'],
]
const flip = (qs, ...bad) => qs.map(([q, r, m], i) => [q, bad.includes(i) ? false : r, m])
const mk = (o, qs) => ({ src: prelude(o) + decls + qs.map((q) => q[0]).join('\n') + '\n' + body(o), expect: qs })
export default {
  retry_base: mk({}, [['query attacker(sC).', true, 'client data secret'], ...down, ...forge, ...reach]),
  retry_agree: mk({}, [...agree, reach[0]]),
  retry_recompute: mk({ m_nosuite: 1, recompute: 1 }, [...down, ...agree, reach[0]]),
  retry_m_nosuite: mk({ m_nosuite: 1 }, flip([...down, ...forge], 0, 1)),
  retry_m_notrans: mk({ m_notrans: 1 }, flip([...down, ...agree], 0, 1, 2)),
}
