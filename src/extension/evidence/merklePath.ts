import { sha384 } from '../../crypto/hash.ts'
import { leafHash } from '../../crypto/merkle.ts'

const NODE = Uint8Array.of(1)

/**
 * The hashes on the way from a leaf to the root, both included (RFC 9162, section 2.1.3.2): what a proof lets one compute.
 * For drawing; whether the proof holds is `verifyInclusion`'s business.
 */
export function merklePath(leaf: Uint8Array, index: number, size: number, proof: readonly Uint8Array[]): Uint8Array[] {
  let fn = index
  let sn = size - 1
  let hash = leafHash(leaf)
  const path = [hash]
  for (const sibling of proof) {
    const isRight = (fn & 1) === 1 || fn === sn
    hash = isRight ? sha384(NODE, sibling, hash) : sha384(NODE, hash, sibling)
    path.push(hash)
    const levels = isRight && fn !== 0 ? Math.log2(fn & -fn) + 1 : 1
    fn >>>= levels
    sn >>>= levels
  }
  return path
}
