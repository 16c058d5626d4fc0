import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha384 } from '../../../src/crypto/hash.ts'
import { inclusionProof, merkleRoot, merkleTree, verifyInclusion } from '../../../src/crypto/merkle.ts'

/** RFC 9162, section 2.1.1, as it is written. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves
  if (first === undefined) return sha384()
  if (leaves.length === 1) return sha384(Uint8Array.of(0), first)
  const k = split(leaves.length)
  return sha384(Uint8Array.of(1), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)))
}

/** Section 2.1.3.1. */
function naivePath(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length <= 1) return []
  const k = split(leaves.length)
  return index < k
    ? [...naivePath(index, leaves.slice(0, k)), naiveRoot(leaves.slice(k))]
    : [...naivePath(index - k, leaves.slice(k)), naiveRoot(leaves.slice(0, k))]
}

/** The largest power of two smaller than n. */
function split(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

const leavesOf = (n: number) => Array.from({ length: n }, (_, index) => Uint8Array.of(index >> 8, index))

describe('the tree of RFC 9162', () => {
  test('root and proofs are those of the recursive definition, 0 to 70 leaves', () => {
    for (let n = 0; n <= 70; n++) {
      const leaves = leavesOf(n)
      const tree = merkleTree(leaves)
      expect(tree.root).toEqual(naiveRoot(leaves))
      expect(merkleRoot(leaves)).toEqual(tree.root)
      expect(tree.proofs).toEqual(leaves.map((_, index) => naivePath(index, leaves)))
      for (const [index, leaf] of leaves.entries()) {
        expect(verifyInclusion(leaf, index, n, tree.proofs[index] ?? [], tree.root)).toBe(true)
      }
    }
  })

  test('nothing but the right index, size, leaf and proof verifies', () => {
    const size = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(45), fc.nat(45), (n, pick, otherIndex, otherSize) => {
        const leaves = leavesOf(n)
        const index = pick % n
        const { root } = merkleTree(leaves)
        const proof = inclusionProof(leaves, index)
        const leaf = leaves[index] ?? new Uint8Array(0)
        expect(verifyInclusion(leaf, otherIndex, n, proof, root)).toBe(otherIndex === index)
        // Another size may have the same path length and shape; then it is the same proof of the same position.
        if (verifyInclusion(leaf, index, otherSize, proof, root)) {
          expect(naivePath(index, leavesOf(otherSize))).toHaveLength(proof.length)
        }
        expect(verifyInclusion(Uint8Array.of(9, 9, 9), index, n, proof, root)).toBe(false)
        expect(verifyInclusion(leaf, index, n, [...proof, root], root)).toBe(false)
        if (proof.length > 0) expect(verifyInclusion(leaf, index, n, proof.slice(1), root)).toBe(false)
        if (proof.length > 0) expect(verifyInclusion(leaf, index, n, proof.slice(0, -1), root)).toBe(false)
      }),
    )
  })

  test('a node is not a leaf', () => {
    const leaves = leavesOf(4)
    const node = Buffer.concat(leaves.slice(0, 2).map((leaf) => sha384(Uint8Array.of(0), leaf)))
    const { root } = merkleTree(leaves)
    expect(verifyInclusion(node, 0, 2, [naiveRoot(leaves.slice(2))], root)).toBe(false)
  })

  test('bad numbers and lengths are false, not errors', () => {
    const root = merkleRoot([])
    for (const [index, size] of [
      [0, 0],
      [-1, 1],
      [0.5, 1],
      [1, 1],
      [0, Number.NaN],
      [0, 2 ** 31],
      [2 ** 32, 2 ** 33],
    ] as const) {
      expect(verifyInclusion(new Uint8Array(0), index, size, [], root)).toBe(false)
    }
    const leaves = leavesOf(2)
    const two = merkleTree(leaves)
    const proof = inclusionProof(leaves, 0)
    const first = Uint8Array.of(0, 0)
    expect(verifyInclusion(first, 0, 2, proof, two.root)).toBe(true)
    expect(verifyInclusion(first, 0, 2, [new Uint8Array(47)], two.root)).toBe(false)
    expect(verifyInclusion(first, 0, 2, proof, two.root.slice(1))).toBe(false)
    expect(() => inclusionProof([], 0)).toThrow(RangeError)
  })
})
