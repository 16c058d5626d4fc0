import { EventEmitter, ThemeIcon, type TreeDataProvider, TreeItem, TreeItemCollapsibleState, window } from 'vscode'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'
import { t } from '../../support/l10n.ts'
import { contexts } from '../commands/counted.ts'
import type { SlotRow } from './rows.ts'
import { Unlooked } from './unlooked.ts'

const KIND = { module: t('module'), slot: t('slot'), key: t('key') } as const

export interface SlotTreePorts {
  /** What there is now. */
  readonly rows: () => readonly SlotRow[]
  /** Begins to look: modules are loaded, and asked for changes until it is disposed. */
  readonly look: () => Disposable
}

/** The tree view of modules, slots and keys. To open it is to look: nothing is loaded before, and nothing asked after. */
export class SlotTree implements Disposable, TreeDataProvider<SlotRow> {
  private readonly load: () => Promise<SlotTreePorts>
  private ports: SlotTreePorts | undefined
  private readonly owned = new DisposableStore()
  private readonly changed = new EventEmitter<undefined>()
  readonly onDidChangeTreeData = this.changed.event
  private readonly view
  private looking: Disposable | undefined
  private rows: readonly SlotRow[] = []
  private readonly rejections = new Unlooked()
  private drawn = ''

  /** `load` tells a failure itself. */
  constructor(load: () => Promise<SlotTreePorts>) {
    this.load = load
    this.owned.add(this.changed)
    this.view = this.owned.add(window.createTreeView('countersign.slots', { treeDataProvider: this }))
    this.owned.add(this.view.onDidChangeVisibility(() => void this.begin()))
  }

  /** Something in the inventory changed: drawn only while it is seen, and only where it makes a difference. */
  update(): void {
    if (this.looking === undefined || this.ports === undefined) return
    this.rows = this.ports.rows()
    const drawn = JSON.stringify(this.rows)
    if (drawn === this.drawn) return
    this.drawn = drawn
    this.changed.fire(undefined)
  }

  /** Contexts were rejected, or the panel's list of them was looked at: a number on the view's icon says so from afar. */
  rejected(unseen: number): void {
    this.badge(this.rejections.count(unseen, this.looking !== undefined))
  }

  private badge(value: number): void {
    const tooltip = t`Rejected since you last looked: ${contexts(value)}. Open the panel to see why.`
    this.view.badge = value > 0 ? { value, tooltip } : undefined
  }

  /** Asked for while the view is seen only: without waiting, a view that was open at the start would be drawn as empty. */
  async getChildren(row?: SlotRow): Promise<SlotRow[]> {
    if (row === undefined) await this.begin()
    return [...(row?.children ?? this.rows)]
  }

  /** Text only: names come from modules, and a tooltip in Markdown would be theirs to write. */
  getTreeItem(row: SlotRow): TreeItem {
    const { ref, kind, label, description, tooltip, icon, context, children } = row
    const leaf = children.length === 0
    const item = new TreeItem(label, leaf ? TreeItemCollapsibleState.None : TreeItemCollapsibleState.Expanded)
    // The editor remembers a row that had nothing below it as closed: with its first child it is another row.
    item.id = leaf ? `${ref} leaf` : ref
    item.description = description
    item.tooltip = tooltip
    item.iconPath = new ThemeIcon(icon)
    item.contextValue = context
    item.accessibilityInformation = { label: `${KIND[kind]} ${label}, ${description}` }
    return item
  }

  dispose(): void {
    this.looking?.dispose()
    this.owned.dispose()
  }

  /** Begins to look, or stops: by whether the view is seen when what it needs is there. */
  private async begin(): Promise<void> {
    if (this.view.visible) {
      this.ports ??= await this.load().catch(() => undefined)
    }
    const seen = this.view.visible && !this.owned.disposed
    if (seen) this.looking ??= this.ports?.look()
    else this.looking?.dispose()
    if (!seen) this.looking = undefined
    this.update()
    if (seen) this.badge(this.rejections.look())
  }
}

/** The row that a command of the context menu was called on; undefined for any other caller of the command. */
export function rowOf(target: unknown, kind: SlotRow['kind']): string | undefined {
  if (typeof target !== 'object' || target === null || !('ref' in target) || !('kind' in target)) return undefined
  return target.kind === kind && typeof target.ref === 'string' ? target.ref : undefined
}
