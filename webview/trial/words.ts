import { translated } from '../../src/support/l10n.ts'

/** What the view of the trial says. */
export const trialWords = translated({
  empty: 'Try to break it',
  emptyText:
    'Attacks the bundled sample server in every way that the documents name, live, and shows what refused each attack and in which words. It uses a gateway, keys and a journal of its own, which are removed afterwards; your sessions, pins and journal are not touched. It takes about a quarter of a minute.',
  start: 'Try to Break It',
  again: 'Try Again',
  cancel: 'Cancel',
  failed: 'The trial could not be carried out',
  about:
    'Every line is what the code that also guards your sessions did about it just now. The attacks are carried out in this window, against a gateway in a process of its own.',
  key: 'The editor’s side signs with a key that was made for this trial:',
  controls: 'Controls',
  controlsText: 'Nobody attacks. Whoever refuses everything would fail here.',
  attackers: {
    network: 'Somebody on the network',
    keys: 'A thief of the session’s keys',
    signer: 'Somebody who can have your key sign',
    gateway: 'A gateway that lies',
    archive: 'Somebody who edits the journal afterwards',
  },
  has: {
    network: 'They see, change, drop and invent everything between editor and gateway. They have no key.',
    keys: 'They can read every record and seal their own. They do not have the key that signs.',
    signer:
      'Malware while the token is unlocked, for instance. What it says in your name is believed; what contradicts the session, its history or the clock is not.',
    gateway: 'Somebody else at its address, or the gateway itself with its true key.',
    archive:
      'They write the file as they like, and number and chain its lines anew. The offline verifier has the two public keys and the file.',
  },
  states: {
    waiting: 'waiting',
    running: 'running',
    refused: 'refused',
    passed: 'went through',
    failed: 'NOT refused',
    stopped: 'FAILED',
  },
  refusers: { gateway: 'The gateway:', editor: 'The editor:', verifier: 'The offline verifier:' },
  whom: { server: 'the server', agent: 'the agent' },
  before: 'before',
  after: 'after',
  nothing: 'nothing',
} as const)
