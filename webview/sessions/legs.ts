import type { PanelLeg } from '../../src/contracts/panelSession.ts'

const WORST_FIRST = ['plain', 'classical', 'unknown'] as const

/** Somebody can read it: today, or from a recording later. */
export function isExposed({ kind }: PanelLeg): boolean {
  return kind === 'plain' || kind === 'classical'
}

/** The leg that makes the others worthless; undefined where none is exposed and all are known. */
export function worstLeg(
  legs: readonly PanelLeg[],
): (PanelLeg & { readonly kind: (typeof WORST_FIRST)[number] }) | undefined {
  for (const kind of WORST_FIRST) {
    const leg = legs.find((one) => one.kind === kind)
    if (leg !== undefined) return { ...leg, kind }
  }
  return undefined
}
