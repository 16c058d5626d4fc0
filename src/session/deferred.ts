/** A promise and the way to resolve it, for what another callback will know. (Promise.withResolvers needs Node 22.) */
export class Deferred<T> {
  readonly promise: Promise<T>
  resolve: (value: T) => void = () => {}

  constructor() {
    this.promise = new Promise((resolve) => {
      this.resolve = resolve
    })
  }
}
