/** What holds from an offset of the control log on, for as long as a cut may ask for it. */

export class ByOffset<T> {
  /** Ascending; never empty. */
  private readonly entries: { readonly from: number; readonly value: T }[];

  constructor(from: number, first: T) {
    this.entries = [{ from, value: first }];
  }

  /** What holds now. */
  get now(): T {
    return this.entries.at(-1)!.value;
  }

  /** The offset from which on that holds. */
  get since(): number {
    return this.entries.at(-1)!.from;
  }

  /** What holds behind the records below `offset`; undefined where that is not known any more. */
  at(offset: number): T | undefined {
    return this.entries.findLast(({ from }) => from <= offset)?.value;
  }

  add(from: number, value: T): void {
    this.entries.push({ from, value });
  }

  /** Drops what nobody can ask for any more: none will ask below `offset`. */
  dropBelow(offset: number): void {
    const current = this.entries.findLastIndex(({ from }) => from <= offset);
    this.entries.splice(0, Math.max(0, current));
  }
}
