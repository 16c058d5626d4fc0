import type { PanelHsm, PanelHsmKey, PanelHsmModule, PanelHsmSlot } from '../../src/contracts/panelHsm.ts'

/** The tree as the rows that are open, in order: what the keyboard walks and the view draws. */
export type TreeNode =
  | { readonly kind: 'module'; readonly ref: string; readonly level: 1; readonly module: PanelHsmModule }
  | {
      readonly kind: 'slot'
      readonly ref: string
      readonly level: 2
      readonly module: PanelHsmModule
      readonly slot: PanelHsmSlot
    }
  | {
      readonly kind: 'key'
      readonly ref: string
      readonly level: 3
      readonly module: PanelHsmModule
      readonly slot: PanelHsmSlot
      readonly key: PanelHsmKey
    }

export interface OpenNode {
  readonly node: TreeNode
  /** undefined: there is nothing below it. */
  readonly expanded: boolean | undefined
}

export function openNodes(hsm: PanelHsm, folded: ReadonlySet<string>): OpenNode[] {
  return hsm.modules.flatMap((module) => {
    const open = !folded.has(module.ref)
    const own: OpenNode = {
      node: { kind: 'module', ref: module.ref, level: 1, module },
      expanded: module.slots.length > 0 ? open : undefined,
    }
    return open ? [own, ...module.slots.flatMap((slot) => slotNodes(module, slot, folded))] : [own]
  })
}

function slotNodes(module: PanelHsmModule, slot: PanelHsmSlot, folded: ReadonlySet<string>): OpenNode[] {
  const open = !folded.has(slot.ref)
  const own: OpenNode = {
    node: { kind: 'slot', ref: slot.ref, level: 2, module, slot },
    expanded: slot.keys.length > 0 ? open : undefined,
  }
  const keys = slot.keys.map(
    (key): OpenNode => ({ node: { kind: 'key', ref: key.ref, level: 3, module, slot, key }, expanded: undefined }),
  )
  return open ? [own, ...keys] : [own]
}

export function parentOf(node: TreeNode): string | undefined {
  if (node.kind === 'module') return undefined
  return node.kind === 'slot' ? node.module.ref : node.slot.ref
}

export function tally(hsm: PanelHsm): { readonly modules: number; readonly tokens: number; readonly ready: number } {
  const slots = hsm.modules.filter((module) => module.kind === 'module').flatMap((module) => module.slots)
  const all = hsm.modules.flatMap((module) => module.slots)
  return {
    modules: hsm.modules.filter((module) => module.kind === 'module').length,
    tokens: slots.filter((slot) => slot.token !== undefined).length,
    ready: all.filter((slot) => slot.readiness === 'ready').length,
  }
}
