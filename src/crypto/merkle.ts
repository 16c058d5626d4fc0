import { constantTimeEqual, sha384Public } from './hash.ts'

/**
 * The Merkle tree of RFC 9162, section 2.1, over SHA-384. A leaf hashes as H(0x00 ‖ leaf), a node as
 * H(0x01 ‖ left ‖ right): without these bytes a node could be presented as a leaf.
 */
const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

export interface MerkleTree {
  /** 48 bytes. */
  readonly root: Uint8Array
  /** One inclusion path per leaf, from the leaf upwards (section 2.1.3.1). */
  readonly proofs: readonly (readonly Uint8Array[])[]
}

/** H(0x00 ‖ leaf), 48 bytes. */
export function leafHash(leaf: Uint8Array): Uint8Array {
  return sha384Public(LEAF, leaf)
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha384Public(NODE, left, right)
}

/**
 * Root and all proofs in one pass: 2n hashes. Level by level, and a last node without a sibling moves up unchanged: the
 * same tree as the standard's split at the largest power of two, which the unit tests compare it with.
 */
export function merkleTree(leaves: readonly Uint8Array[]): MerkleTree {
  const proofs: Uint8Array[][] = leaves.map(() => [])
  let level = leaves.map(leafHash)
  for (let depth = 0; level.length > 1; depth++) {
    for (const [index, proof] of proofs.entries()) {
      const sibling = level[(index >>> depth) ^ 1]
      if (sibling !== undefined) proof.push(sibling)
    }
    level = nextLevel(level)
  }
  // The empty tree's root is the hash of nothing (section 2.1.1).
  return { root: level[0] ?? sha384Public(), proofs }
}

function nextLevel(level: readonly Uint8Array[]): Uint8Array[] {
  const next: Uint8Array[] = []
  for (let index = 0; index < level.length; index += 2) {
    const left = level[index]
    const right = level[index + 1]
    if (left !== undefined) next.push(right === undefined ? left : nodeHash(left, right))
  }
  return next
}

/** MTH(leaves), 48 bytes (section 2.1.1). */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  let level = leaves.map(leafHash)
  while (level.length > 1) level = nextLevel(level)
  return level[0] ?? sha384Public()
}

/** PATH(index, leaves) (section 2.1.3.1). For many leaves of one tree take `merkleTree`. @throws RangeError */
export function inclusionProof(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  const proof = merkleTree(leaves).proofs[index]
  if (proof === undefined) throw new RangeError('No such leaf.')
  return [...proof]
}

/**
 * Whether `leaf` (its bytes, not its hash) is leaf `index` of the tree of `size` leaves with this root. Exactly
 * section 2.1.3.2: a proof with too few or too many hashes is false, also where its last hash would fit.
 */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!Number.isInteger(index) || !Number.isInteger(size) || index < 0 || index >= size || size > 0x7fffffff)
    return false
  let fn = index
  let sn = size - 1
  let hash = leafHash(leaf)
  for (const sibling of proof) {
    if (sn === 0 || sibling.length !== hash.length) return false
    if ((fn & 1) === 1 || fn === sn) {
      hash = nodeHash(sibling, hash)
      while ((fn & 1) === 0 && fn !== 0) {
        fn >>>= 1
        sn >>>= 1
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    fn >>>= 1
    sn >>>= 1
  }
  return sn === 0 && constantTimeEqual(hash, root)
}
