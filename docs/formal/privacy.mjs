// Model 4: who sees identities. PROTOCOL.md, "Handshake" (SI and CI are sealed), "Identity, pins, custody". weak: A's key is never published; can the attacker get it? strong: the attacker knows
// the keys of A and B and must tell a world in which A connects from one in which B does (diff-equivalence).
// client: active attacker, client pinned to G. server: passive attacker. m_*: identity in the clear / any server taken.
import { prelude, clientHS, serverHS } from './lib.mjs'
const decls = `
free skA: skey [private]. free skB: skey [private]. free skG: skey [private]. free skH: skey [private].
event SSend(pkey, bitstring, bitstring). event CDone(). event SDone().
`
const client = (o, done = '') => `
let Client(skC: skey, pkS0: pkey) =
  let pkC = spk(skC) in
  ${o.m_anyserver ? 'in(c, pkS: pkey);' : 'let pkS = pkS0 in'}
  ${o.m_clear ? 'out(c, pkC);' : ''}
  ${clientHS('0', o)}
  in(c, e4: bitstring);
  if adec(e4, sap0, q0) = ready then ${done || '0'}.`
const server = (o, done = '') => `
let Server(skS: skey) =
  let pkS = spk(skS) in
  ${serverHS('0', o)}
  ${done}
  out(c, aenc(ready, sap0, q0)).`
const noEv = (s) => s.replace(/\s*event SSend\([^;]*;/g, '')
const mk = (src, qs) => ({ src, expect: qs })
const weak = (o, want, extra = []) =>
  mk(
    prelude(o) +
      decls +
      `query attacker(spk(skA)).\n${extra.map((q) => q[0]).join('\n')}` +
      client(o, 'event CDone()') +
      server(o, 'event SDone();') +
      `process out(c, spk(skG)); ( (!Client(skA, spk(skG))) | (!Server(skG)) )\n`,
    [['', want, "A's identity stays unknown to an active attacker (weak secrecy)"], ...extra],
  )
const strong = (o, want) =>
  mk(
    prelude(o) +
      decls +
      noEv(client(o) + server(o)) +
      `process out(c, (spk(skA), spk(skB), spk(skG))); ( (!Client(choice[skA, skB], spk(skG))) | (!Server(skG)) )\n`,
    [['', want, 'A and B cannot be told apart by an active attacker (strong)']],
  )
const srv = (o, want, passive) =>
  mk(
    (passive ? 'set attacker = passive.\n' : '') +
      prelude(o) +
      decls +
      noEv(client(o) + server(o)) +
      `process out(c, (spk(skA), spk(skG), spk(skH))); ( (!Client(skA, spk(choice[skG, skH]))) | (!Server(choice[skG, skH])) )\n`,
    [['', want, passive ? 'gateways G and H cannot be told apart by a passive attacker' : 'the same, active attacker']],
  )
export default {
  privacy_weak: weak({}, true, [
    ['query event(CDone()).', false, 'reachable: client done'],
    ['query event(SDone()).', false, 'reachable: gateway done'],
  ]),
  privacy_weak_dh: weak({ dh: 1 }, true, [['query event(SDone()).', false, 'reachable: gateway done']]),
  privacy_weak_kem: weak({ kem: 1 }, true, [['query event(SDone()).', false, 'reachable: gateway done']]),
  privacy_weak_m_anyserver: weak({ m_anyserver: 1 }, false),
  privacy_strong: strong({}, true),
  privacy_strong_m_clear: strong({ m_clear: 1 }, 'cannot be proved'),
  privacy_server_passive: srv({}, true, true),
  privacy_server_active: srv({}, 'cannot be proved', false),
}
