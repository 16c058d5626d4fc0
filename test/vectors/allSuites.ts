import { HYBRID_SUITES } from './hybridSuites.ts'
import { KEM_SUITES } from './kemSuites.ts'
import { SIGNATURE_SUITES } from './signatureSuites.ts'
import type { VectorSuite } from './suites.ts'

export const ALL_SUITES: readonly VectorSuite[] = [...SIGNATURE_SUITES, ...KEM_SUITES, ...HYBRID_SUITES]
