import type { Target } from '../engine/target.ts'
import { AGENT_FILES } from './agents.ts'
import { BUNDLES } from './bundles.ts'
import { CONTRACTS } from './contracts.ts'
import { CRYPTO } from './crypto.ts'
import { DOCUMENTS } from './documents.ts'
import { EVIDENCE } from './evidence.ts'
import { HANDSHAKE } from './handshake.ts'
import { JSON_READERS } from './json.ts'
import { KEYS } from './keys.ts'
import { MCP } from './mcp.ts'
import { RECORDS } from './records.ts'
import { RESUMES } from './resume.ts'
import { TRANSITIONS } from './transitions.ts'
import { WORDS } from './words.ts'

/** Every parser that reads bytes of somebody else. */
export const TARGETS: readonly Target[] = [
  ...HANDSHAKE,
  ...RECORDS,
  ...RESUMES,
  ...TRANSITIONS,
  ...EVIDENCE,
  ...BUNDLES,
  ...JSON_READERS,
  ...MCP,
  ...KEYS,
  ...CONTRACTS,
  ...AGENT_FILES,
  ...CRYPTO,
  ...DOCUMENTS,
  ...WORDS,
]
