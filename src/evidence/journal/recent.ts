/** The last values that were added, by name; the first added is forgotten first, so writer and reader forget the same. */
export class Recent<T> {
  private readonly window: number
  private readonly values = new Map<string, T>()

  constructor(window: number) {
    this.window = window
  }

  get(name: string): T | undefined {
    return this.values.get(name)
  }

  add(name: string, value: T): void {
    // Added again it is the newest: a Map would leave it in its old place.
    this.values.delete(name)
    this.values.set(name, value)
    if (this.values.size <= this.window) return
    const oldest = this.values.keys().next()
    if (oldest.done !== true) this.values.delete(oldest.value)
  }

  delete(name: string): void {
    this.values.delete(name)
  }
}
