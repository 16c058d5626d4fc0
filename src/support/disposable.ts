/** Owns things that must be released. What is added after disposal is disposed at once: nothing leaks in a race. */
export interface Disposable {
  dispose(): void
}

export class DisposableStore implements Disposable {
  private items: Disposable[] | null = []

  add<T extends Disposable>(item: T): T {
    if (this.items === null) item.dispose()
    else this.items.push(item)
    return item
  }

  get disposed(): boolean {
    return this.items === null
  }

  /** Disposes in reverse order of adding; one that throws does not keep the others alive. */
  dispose(): void {
    const items = this.items ?? []
    this.items = null
    for (const item of items.reverse()) {
      try {
        item.dispose()
      } catch {
        // Reported by its owner where it matters; here every other item still has to be released.
      }
    }
  }
}
