// Shared text of all models but handshake.mjs: primitives, and the handshake of PROTOCOL.md as a macro.
// Every function returns ProVerif source. `o` holds the switches of a variant.
// M1 is ClientHello, M2 ServerHello, M3 ClientAuth, M4 Ready; M1r is Retry, M1' the ClientHello that answers it.

// ---------------------------------------------------------------- primitives
export const prelude = (o = {}) => `
(* The network: the attacker reads, drops, changes and sends everything on c. *)
free c: channel.
type skey. type pkey. type kemsk. type kempk. type exponent. type G.

${
  o.fullDh
    ? `(* ECDH, with its equation *)
const g: G.
fun exp(G, exponent): G.
equation forall x: exponent, y: exponent; exp(exp(g,x),y) = exp(exp(g,y),x).
letfun dpub(x: exponent) = exp(g, x).
letfun dans(gx: G, y: exponent) = exp(g, y).
letfun dsrv(gx: G, y: exponent) = exp(gx, y).
letfun dcli(x: exponent, gy: G) = exp(gy, x).`
    : `(* ECDH, read as a KEM: public key, answer, shared secret. Loses commutativity alone; terminates much faster. *)
fun dpub(exponent): G.
fun dans(G, exponent): G.
fun dsrv(G, exponent): G.
reduc forall x: exponent, y: exponent; dcli(x, dans(dpub(x), y)) = dsrv(dpub(x), y).`
}

(* KEM. ${o.weakKem ? 'Non-binding: the shared secret depends on the coins alone.' : 'The shared secret depends on key and coins.'} *)
fun kpk(kemsk): kempk.
fun kct(kempk, bitstring): bitstring.
${
  o.weakKem
    ? `fun kssw(bitstring): bitstring.
letfun kss(p: kempk, r: bitstring) = kssw(r).
reduc forall s: kemsk, r: bitstring; kdec(s, kct(kpk(s), r)) = kssw(r).`
    : `fun kss(kempk, bitstring): bitstring.
reduc forall s: kemsk, r: bitstring; kdec(s, kct(kpk(s), r)) = kss(kpk(s), r).`
}

(* Signatures; a signature hides nothing (getmess). *)
fun spk(skey): pkey.
fun sign(bitstring, skey): bitstring.
reduc forall m: bitstring, k: skey; getmess(sign(m,k)) = m.
${
  o.dsks
    ? `(* No exclusive ownership: for any signature the attacker can make a key of his own under which it verifies too. *)
fun evil(bitstring): pkey.
fun verify(bitstring, bitstring, pkey): bool
reduc forall m: bitstring, k: skey; verify(m, sign(m,k), spk(k)) = true
otherwise forall m: bitstring, k: skey; verify(m, sign(m,k), evil(sign(m,k))) = true.`
    : `reduc forall m: bitstring, k: skey; verify(m, sign(m,k), spk(k)) = true.`
}

(* SHA-384 of a length-prefixed list; Merkle leaf and node; HKDF Extract and Expand; HMAC; AEAD (key, AAD). *)
fun h(bitstring): bitstring.
fun leaf(bitstring): bitstring.
fun node(bitstring, bitstring): bitstring.
fun comb(bitstring, G): bitstring.                        (* hs from both shared secrets *)
fun ext(bitstring, bitstring): bitstring.                 (* Extract(salt, input) *)
fun both(bitstring, G): bitstring.                        (* ss_kem || ss_ecdh *)
fun kdf(bitstring, bitstring, bitstring): bitstring.      (* Expand(secret, label, context) *)
fun mac(bitstring, bitstring): bitstring.
fun aenc(bitstring, bitstring, bitstring): bitstring.
reduc forall m: bitstring, k: bitstring, a: bitstring; adec(aenc(m,k,a),k,a) = m.

(* key schedule labels *)
const L_chs, L_shs, L_cfin, L_sfin, L_ms, L_cap, L_sap, L_rekey, none: bitstring.
(* tags of what is signed *)
const T_srv, T_cli, T_rsrv, T_rcli, T_batch, T_trans: bitstring.
(* records *)
const ready, q0, q1, q2, q3, q4: bitstring.
const n0, n1, n2, c2s, s2c: bitstring.
`

// What rekey and resume use besides: labels of `res` and `conn` ("Key schedule"), the suite's name, EpochStart.
export const laterDecls = `
const L_res, L_conn, suite, start: bitstring.
`
// conn = H("cs1 conn" || th(CF)); sid is the conn of the session's first connection.
export const connOf = (th) => `h((L_conn, ${th}))`
// res of a connection, or of an epoch with rk in place of th(CF).
export const resOf = (ms, th) => `kdf(${ms}, L_res, ${th})`

// ---------------------------------------------------------------- handshake
// PROTOCOL.md, "Handshake" and "Key schedule".
// What is signed. o.noId: the signer's identity is left out. o.noTag: server and client tags are left out.
const sigIn = (o, tag, th, id) => {
  const d = o.noId ? `h((${th}, none))` : `h((${th}, ${id}))`
  return o.noTag ? d : `(${tag}, ${d})`
}

// Lean on purpose, and only ever in the attacker's favour: no finished MACs, transcripts carry neither signatures nor
// finished values, handshake records have no transcript in their AAD. (o.full adds finished MACs and signatures back.)
// th2 = th(M2);  t3 = th2, SI, EE: it stands for th(SI) and, without SV and SF, for th(SF) too;  th4 = t3, CI: th(CI) and th(CF).
// SV signs th(SI), CV signs th(CI). `inf` is what EE carries, `m3x` what CI carries beside the identity (its extensions).

// Client side, up to and including the sending of M3. Variables end in `i`.
// m3x: what travels in M3 beside the identity. before: events before M3 goes out.
export const clientHS = (i, o, { m3x = 'none', before = '' } = {}) => `
  new nc${i}: bitstring; new x${i}: exponent; new dk${i}: kemsk;
  ${o.dh ? `out(c, x${i});` : ''} ${o.kem ? `out(c, dk${i});` : ''}
  let m1${i} = (nc${i}, kpk(dk${i}), dpub(x${i})) in
  out(c, m1${i});                                                          (* M1 *)
  in(c, (ns${i}: bitstring, ct${i}: bitstring, gy${i}: G, e2${i}: bitstring));     (* M2 *)
  let hs${i} = comb(kdec(dk${i}, ct${i}), dcli(x${i}, gy${i})) in
  let th2${i} = h((m1${i}, ns${i}, ct${i}, gy${i})) in
  let (=pkS, inf${i}: bitstring, sgS${i}: bitstring${o.full ? `, fnS${i}: bitstring` : ''}) = adec(e2${i}, kdf(hs${i}, L_shs, th2${i}), q0) in
  if verify(${sigIn(o, 'T_srv', `th2${i}`, o.infUnsigned ? 'pkS' : `pkS, inf${i}`)}, sgS${i}, pkS) = true then
  let t3${i} = h((th2${i}, ${o.noPeer ? '' : 'pkS, '}${o.infUnsigned ? 'none' : `inf${i}`}${o.full ? `, sgS${i}` : ''})) in
  ${o.full ? `if fnS${i} = mac(kdf(hs${i}, L_sfin, th2${i}), t3${i}) then` : ''}
  let m3x${i} = ${m3x} in
  let sgC${i} = sign(${sigIn(o, 'T_cli', `t3${i}`, o.m3Unsigned ? 'pkC' : `pkC, m3x${i}`)}, skC) in
  let th4${i} = h((t3${i}, ${o.noPeer ? '' : 'pkC, '}${o.m3Unsigned ? 'none' : `m3x${i}`}${o.full ? `, sgC${i}` : ''})) in
  let ms${i} = kdf(hs${i}, L_ms, none) in
  let cap${i} = kdf(ms${i}, L_cap, th4${i}) in let sap${i} = kdf(ms${i}, L_sap, th4${i}) in
  ${before}
  out(c, aenc((pkC, m3x${i}, sgC${i}${o.full ? `, mac(kdf(hs${i}, L_cfin, th2${i}), th4${i})` : ''}), kdf(hs${i}, L_chs, th2${i}), q0));   (* M3 *)
`
// Server side, up to and including the check of M3. id: pattern for the client's key; pk: its name afterwards.
export const serverHS = (i, o, { id = 'pkC: pkey', pk = 'pkC', inf = 'none' } = {}) => `
  in(c, (nc${i}: bitstring, ek${i}: kempk, gx${i}: G));                     (* M1 *)
  let m1${i} = (nc${i}, ek${i}, gx${i}) in
  new ns${i}: bitstring; new y${i}: exponent; new r${i}: bitstring;
  ${o.dh ? `out(c, y${i});` : ''} ${o.kem ? `out(c, r${i});` : ''}
  let ct${i} = kct(ek${i}, r${i}) in
  let gy${i} = dans(gx${i}, y${i}) in
  let hs${i} = comb(kss(ek${i}, r${i}), dsrv(gx${i}, y${i})) in
  let th2${i} = h((m1${i}, ns${i}, ct${i}, gy${i})) in
  let inf${i} = ${inf} in
  let sgS${i} = sign(${sigIn(o, 'T_srv', `th2${i}`, o.infUnsigned ? 'pkS' : `pkS, inf${i}`)}, skS) in
  let t3${i} = h((th2${i}, ${o.noPeer ? '' : 'pkS, '}${o.infUnsigned ? 'none' : `inf${i}`}${o.full ? `, sgS${i}` : ''})) in
  event SSend(pkS, inf${i}, th2${i});
  out(c, (ns${i}, ct${i}, gy${i}, aenc((pkS, inf${i}, sgS${i}${o.full ? `, mac(kdf(hs${i}, L_sfin, th2${i}), t3${i})` : ''}), kdf(hs${i}, L_shs, th2${i}), q0)));   (* M2 *)
  in(c, e3${i}: bitstring);                                                (* M3 *)
  let (${id}, m3x${i}: bitstring, sgC${i}: bitstring${o.full ? `, fnC${i}: bitstring` : ''}) = adec(e3${i}, kdf(hs${i}, L_chs, th2${i}), q0) in
  if verify(${sigIn(o, 'T_cli', `t3${i}`, o.m3Unsigned ? pk : `${pk}, m3x${i}`)}, sgC${i}, ${pk}) = true then
  let th4${i} = h((t3${i}, ${o.noPeer ? '' : `${pk}, `}${o.m3Unsigned ? 'none' : `m3x${i}`}${o.full ? `, sgC${i}` : ''})) in
  ${o.full ? `if fnC${i} = mac(kdf(hs${i}, L_cfin, th2${i}), th4${i}) then` : ''}
  let ms${i} = kdf(hs${i}, L_ms, none) in
  let cap${i} = kdf(ms${i}, L_cap, th4${i}) in let sap${i} = kdf(ms${i}, L_sap, th4${i}) in
`

// An ideal first handshake, for what comes after it: what the full model proves of the handshake (fresh session id over
// both identities and both nonces, ms_0 known to these two alone) is built in. Insiders know the ms_0 of their own sessions.
export const idealDecls = `
fun khh(bitstring): bitstring [private].
reduc forall k: skey, p: pkey, a: bitstring, b: bitstring; insiderC(k, p, a, b) = khh(h((spk(k), p, a, b))).
reduc forall k: skey, p: pkey, a: bitstring, b: bitstring; insiderS(k, p, a, b) = khh(h((p, spk(k), a, b))).
`
const idealKeys = `
  let th40 = h((pkC, pkS, nc0, ns0)) in
  let ms0 = khh(th40) in let hs0 = none in
  let cap0 = kdf(ms0, L_cap, th40) in let sap0 = kdf(ms0, L_sap, th40) in`
export const clientIdeal = (before = '') => `
  new nc0: bitstring; out(c, nc0); in(c, ns0: bitstring);${idealKeys}
  ${before}`
export const serverIdeal = () => `
  in(c, (pkC: pkey, nc0: bitstring)); new ns0: bitstring; out(c, ns0);${idealKeys}`
