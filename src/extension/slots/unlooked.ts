/** How many of the unseen rejections came since a person last looked at a view that only tells their number. */
export class Unlooked {
  private unseen = 0
  private looked = 0

  /** @param unseen rejections that nobody looked at in the panel @param seen whether the view is seen now */
  count(unseen: number, seen: boolean): number {
    // The panel was looked at: what was looked at here before is not among the ones that came after.
    if (unseen < this.unseen) this.looked = 0
    this.unseen = unseen
    if (seen) this.looked = unseen
    return unseen - this.looked
  }

  /** The view is seen now: nothing is left. */
  look(): number {
    return this.count(this.unseen, true)
  }
}
