/** The first bytes of a stream, fewer where it is shorter, and the stream as it was. @throws what the stream throws */
export async function peeked(
  input: AsyncIterable<Uint8Array>,
  length: number,
): Promise<{ readonly start: Uint8Array; readonly whole: AsyncIterable<Uint8Array> }> {
  const source = input[Symbol.asyncIterator]()
  const chunks: Uint8Array[] = []
  for (let got = 0; got < length; ) {
    const { done, value } = await source.next()
    if (done === true) break
    chunks.push(value)
    got += value.length
  }
  return { start: Buffer.concat(chunks).subarray(0, length), whole: continued(chunks, source) }
}

async function* continued(
  chunks: readonly Uint8Array[],
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
    for (;;) {
      const { done, value } = await source.next()
      if (done === true) return
      yield value
    }
  } finally {
    // Whoever stops in the middle closes the file.
    await source.return?.()
  }
}
