import { encodeBase64url } from '../../../src/crypto/encoding.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import { bundleOf, type Parties, Talk, wholeTalk } from '../evidenceBundle.ts'
import { ANSWER, digestOf, QUESTION } from '../../unit/evidence/build.ts'
import type { Forgery } from './forger.ts'

/** Signed by the very keys that are trusted, and still false: what one of the two ends could try. */
function signed(reason: RegExp, say: (talk: Talk, of: Parties) => Promise<void>): Forgery {
  return {
    reason,
    forge: async ({ of }) => {
      const talk = new Talk(of)
      await say(talk, of)
      return await bundleOf(talk.entries, { exporter: of.client })
    },
  }
}

async function bundled(of: Parties, entries: readonly EvidenceEntry[]): Promise<Uint8Array> {
  return await bundleOf(entries, { exporter: of.client })
}

export const SIGNED_FORGERIES: Readonly<Record<string, Forgery>> = {
  'an answer in another exchange': signed(/another exchange than the request/, async (talk) => {
    const [req] = await talk.say(talk.c2s, [talk.question()])
    await talk.say(talk.s2c, [talk.answer(req, { exchange: 4 })])
  }),
  'an answer of another server': signed(/another exchange than the request/, async (talk) => {
    const [req] = await talk.say(talk.c2s, [talk.question()])
    await talk.say(talk.s2c, [talk.answer(req, { server: 'other' })])
  }),
  'an answer to a request that was never made': signed(/request that was never made/, async (talk) => {
    await talk.say(talk.c2s, [talk.question()])
    await talk.say(talk.s2c, [talk.answer(digestOf(QUESTION))])
  }),
  'an acknowledgement of something else': signed(/acknowledges something else/, async (talk) => {
    const [req] = await talk.say(talk.c2s, [talk.question()])
    await talk.say(talk.s2c, [talk.answer(req, { ack: { seq: 1, head: digestOf(ANSWER) } })])
  }),
  'an acknowledgement that is taken back': signed(/takes an acknowledgement back/, async (talk) => {
    const start = talk.ack(talk.c2s)
    const [req] = await talk.say(talk.c2s, [talk.question()])
    await talk.say(talk.s2c, [talk.answer(req)])
    await talk.say(talk.s2c, [talk.answer(req, { ack: start })])
  }),
  'two acknowledgements by one number': signed(/acknowledges something else/, async (talk) => {
    await talk.say(talk.c2s, [talk.question({ ack: { seq: 5, head: digestOf(ANSWER) } })])
    await talk.say(talk.c2s, [talk.question({ ack: { seq: 5, head: digestOf(QUESTION) } })])
  }),
  'an acknowledgement of what was never sent': signed(/acknowledges something else/, async (talk) => {
    await talk.close()
    talk.entries.splice(0, 1)
    await talk.say(talk.c2s, [talk.question({ ack: { seq: 9, head: digestOf(ANSWER) } })])
  }),
  'an acknowledgement past the close, which is read later': signed(/close has statements behind it/, async (talk) => {
    await talk.say(talk.c2s, [talk.question({ ack: { seq: 9, head: digestOf(ANSWER) } })])
    await talk.close()
  }),
  'a statement behind the close': signed(/follows the close/, async (talk) => {
    await talk.close()
    await talk.say(talk.c2s, [talk.question()])
  }),
  'a past that never was': signed(/does not follow from the one before/, async (talk) => {
    await talk.say(talk.c2s, [talk.question({ prev: digestOf(ANSWER) })])
  }),
  'somebody else as audience': signed(/meant for somebody else/, async (talk, of) => {
    const [req] = await talk.say(talk.c2s, [talk.question()])
    await talk.say(talk.s2c, [talk.answer(req, { aud: of.stranger.kid })])
  }),
  'a statement for its own signer': signed(/meant for its own signer/, async (talk, of) => {
    await talk.say(talk.c2s, [talk.question({ aud: of.client.kid })])
  }),
  'another method than the context': signed(/another method or id/, async (talk) => {
    await talk.say(talk.c2s, [talk.question({ method: 'ping' })])
  }),
  'another id than the context': signed(/another method or id/, async (talk) => {
    await talk.say(talk.c2s, [talk.question({ id: '"41"' })])
  }),
  'a request that two parsers read differently': signed(/has a member twice/, async (talk) => {
    const context = Buffer.from('{"jsonrpc":"2.0","id":41,"method":"tools/call","Method":"ping"}')
    await talk.say(talk.c2s, [{ ...talk.question(), context }])
  }),
  'a sequence left out by its signer': signed(/does not follow|used before/, async (talk) => {
    const chain = encodeBase64url(talk.c2s.chain.head)
    await talk.say(talk.c2s, [talk.question()])
    await talk.say(talk.c2s, [talk.question({ prev: chain })])
  }),
  'two histories by one key': {
    reason: /used before|two histories/,
    forge: async ({ of }) => {
      const [one, two] = [new Talk(of), new Talk(of)]
      await one.say(one.c2s, [one.question()])
      await two.say(two.c2s, [two.question({ exchange: 9 })])
      return await bundled(of, [...one.entries, ...two.entries])
    },
  },
  'one direction by two keys that are both trusted': {
    reason: /signed by two keys/,
    trust: ({ client, gateway, former }) => [client.kid, gateway.kid, former.kid],
    forge: async ({ of }) => {
      const { entries } = await wholeTalk(of)
      const other = new Talk({ client: of.former, gateway: of.gateway })
      for (let n = 0; n < 6; n++) await other.say(other.c2s, [other.question()])
      return await bundled(of, [...entries.slice(0, 10), ...other.entries.slice(-1)])
    },
  },
  'a signer that is not trusted': {
    reason: /key is not one that is trusted/,
    forge: async ({ of }) => {
      const { entries } = await wholeTalk({ client: of.stranger, gateway: of.gateway })
      return await bundled(of, entries)
    },
  },
}
