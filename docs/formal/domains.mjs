// Model 5: what one ML-DSA key signs (PROTOCOL.md, "What a key signs"; key transitions: "Transitions"), and that no signature of one kind passes as another.
// Worst case: for each kind, the honest key signs any digest or payload that the attacker hands in (a signer fooled in
// one role). The verifier of each kind accepts what its format check accepts. Formats, as bytes there:
//   hs   0x20*64 || "countersign/1 <role> <what>" || 0x00 || suite || 48-byte digest     role, what: the tag
//   jws  b64url(header) "." b64url(payload), header {"alg","typ","kid"}
// The two can never be equal: one begins with 0x20, the other with "eyJ"; modelled by two free constructors.
// Mutants: m_notag (digest signed bare, typ of the JWS header not looked at), m_notyp (typ not looked at),
// m_norole (server and client share a tag), m_nokind (the statement does not say its kind), m_leafnode (also: leaf and
// node are hashed alike).
const kinds = ['server', 'client', 'rekeyServer', 'rekeyClient']
const jwsKinds = ['batch', 'transition']
const role = (k) => k.replace('client', 'server').replace('Client', 'Server') // m_norole
const src = (o, qs) => `
free c: channel.
type skey. type pkey.
fun spk(skey): pkey.
fun sign(bitstring, skey): bitstring.
reduc forall m: bitstring, k: skey; getmess(sign(m,k)) = m.
reduc forall m: bitstring, k: skey; verify(m, sign(m,k), spk(k)) = true.
${
  o.notag
    ? `letfun hs(tag: bitstring, suite: bitstring, digest: bitstring) = digest.
letfun jws(typ: bitstring, payload: bitstring) = payload.`
    : `fun hsIn(bitstring, bitstring, bitstring): bitstring [data].
fun jwsIn(bitstring, bitstring): bitstring [data].
letfun hs(tag: bitstring, suite: bitstring, digest: bitstring) = hsIn(tag, suite, digest).
const anyTyp: bitstring.
letfun jws(typ: bitstring, payload: bitstring) = jwsIn(${o.notyp ? 'anyTyp' : 'typ'}, payload).`
}
const ${[...kinds, ...jwsKinds].map((k) => 't_' + k).join(', ')}, t_request, t_approval, t_response, t_event: bitstring.
fun lf(bitstring): bitstring. fun nd(bitstring, bitstring): bitstring.
${
  o.leafnode
    ? `fun hh(bitstring): bitstring.
letfun leaf(s: bitstring) = hh(s).
letfun node(a: bitstring, b: bitstring) = hh((a, b)).`
    : `letfun leaf(s: bitstring) = lf(s).
letfun node(a: bitstring, b: bitstring) = nd(a, b).`
}
(* kind, digest or payload *)
event Signed(bitstring, bitstring). event Taken(bitstring, bitstring).
(* statement kind, statement content *)
event Stated(bitstring, bitstring). event StTaken(bitstring, bitstring).
free sk: skey [private].                      (* one key for every role *)
${qs.map((q) => q[0]).join('\n')}
${kinds
  .map(
    (k) => `
let Sign_${k} = in(c, (suite: bitstring, d: bitstring)); event Signed(t_${k}, d); out(c, sign(hs(t_${o.norole ? role(k) : k}, suite, d), sk)).
let Take_${k} = in(c, (suite: bitstring, d: bitstring, s: bitstring)); if verify(hs(t_${o.norole ? role(k) : k}, suite, d), s, spk(sk)) = true then event Taken(t_${k}, d).`,
  )
  .join('')}
${jwsKinds
  .filter((k) => k !== 'batch')
  .map(
    (k) => `
let Sign_${k} = in(c, p: bitstring); event Signed(t_${k}, p); out(c, sign(jws(t_${k}, p), sk)).
let Take_${k} = in(c, (p: bitstring, s: bitstring)); if verify(jws(t_${k}, p), s, spk(sk)) = true then event Taken(t_${k}, p).`,
  )
  .join('')}
(* The batch signer takes statements of any content but knows their kind: an approval is signed only when a person approved. *)
let Sign_batch = in(c, (x: bitstring, y: bitstring));
  let s1 = ${o.nokind ? 'x' : '(t_request, x)'} in let s2 = ${o.nokind ? 'y' : '(t_response, y)'} in
  event Stated(t_request, x); event Stated(t_response, y);
  let root = node(leaf(s1), leaf(s2)) in
  event Signed(t_batch, root); out(c, (sign(jws(t_batch, root), sk), leaf(s2))).
let Sign_approval = in(c, x: bitstring);
  event Stated(t_approval, x);
  let root = leaf(${o.nokind ? 'x' : '(t_approval, x)'}) in
  event Signed(t_batch, root); out(c, sign(jws(t_batch, root), sk)).
let Take_root = in(c, (p: bitstring, s: bitstring)); if verify(jws(t_batch, p), s, spk(sk)) = true then event Taken(t_batch, p).
(* The verifier knows n: one statement alone, or the left or the right of two. *)
let Take_st(k: bitstring) = in(c, (x: bitstring, sib: bitstring, s: bitstring));
  let l = leaf(${o.nokind ? 'x' : '(k, x)'}) in
  ( if verify(jws(t_batch, l), s, spk(sk)) = true then event StTaken(k, x) )
  | ( if verify(jws(t_batch, node(l, sib)), s, spk(sk)) = true then event StTaken(k, x) )
  | ( if verify(jws(t_batch, node(sib, l)), s, spk(sk)) = true then event StTaken(k, x) ).
process
  out(c, spk(sk));
  ( ${[...kinds, ...jwsKinds, 'approval'].map((k) => `!Sign_${k}`).join(' | ')}
  | ${[...kinds, 'transition'].map((k) => `!Take_${k}`).join(' | ')} | !Take_root
  | !Take_st(t_request) | !Take_st(t_response) | !Take_st(t_approval) )
`
const mk = (o, qs) => ({ src: src(o, qs), expect: qs })
const sep = (k, want = true) => [
  `query d: bitstring; event(Taken(t_${k}, d)) ==> event(Signed(t_${k}, d)).`,
  want,
  `taken as ${k} -> signed as ${k}`,
]
const all = (w) => [...kinds, ...jwsKinds].map((k) => sep(k, w?.[k] ?? true))
const st = (k, want = true) => [
  `query x: bitstring; event(StTaken(t_${k}, x)) ==> event(Stated(t_${k}, x)).`,
  want,
  `statement taken as ${k} -> stated as ${k}`,
]
const anyKind = (want) => [
  'query x: bitstring; event(StTaken(t_request, x)) ==> event(Stated(t_request, x)) || event(Stated(t_response, x)) || event(Stated(t_approval, x)).',
  want,
  'taken as some statement -> stated as some statement',
]
export default {
  domains_base: mk({}, [
    ...all(),
    st('request'),
    st('response'),
    st('approval'),
    ...[...kinds, 'transition', 'batch'].map((k) => [
      `query d: bitstring; event(Taken(t_${k}, d)).`,
      false,
      `reachable: ${k} taken`,
    ]),
    ['query x: bitstring; event(StTaken(t_approval, x)).', false, 'reachable: approval taken'],
  ]),
  domains_m_notag: mk(
    { notag: 1 },
    all({ server: false, client: false, rekeyServer: false, rekeyClient: false, batch: false, transition: false }),
  ),
  domains_m_notyp: mk({ notyp: 1 }, all({ batch: false, transition: false })),
  domains_m_norole: mk({ norole: 1 }, all({ server: false, client: false, rekeyServer: false, rekeyClient: false })),
  domains_m_nokind: mk({ nokind: 1 }, [st('approval', false), anyKind(true)]),
  domains_m_leafnode: mk({ leafnode: 1, nokind: 1 }, [anyKind(false)]),
}
