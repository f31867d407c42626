/** The figures of a run: a table for people, data for scripts. */

interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly setup: string;
  readonly floor?: number;
  readonly ratio?: number;
  readonly goal?: number;
  readonly met?: boolean;
}

interface Measure {
  readonly floor?: number;
  /** At least so much. */
  readonly goal?: number;
  /** At most so much. */
  readonly goalMax?: number;
  /** At least this share of the floor. */
  readonly goalRatio?: number;
}

export class Results {
  private readonly machine: string;
  private readonly rows: Row[] = [];

  constructor(machine: string) {
    this.machine = machine;
  }

  /** Adds a figure, and says it at once: a run takes minutes. */
  add(name: string, value: number, unit: string, setup: string, measure: Measure): void {
    const { floor, goal, goalMax, goalRatio } = measure;
    const ratio = floor === undefined ? undefined : value / floor;
    const row: Row = {
      name,
      value,
      unit,
      setup,
      ...(floor === undefined ? {} : { floor, ratio: value / floor }),
      ...(goal === undefined ? {} : { goal, met: value >= goal }),
      ...(goalMax === undefined ? {} : { goal: goalMax, met: value <= goalMax }),
      ...(goalRatio === undefined ? {} : { goal: goalRatio, met: (ratio ?? 0) >= goalRatio }),
    };
    this.rows.push(row);
    console.error(lineOf(row));
  }

  async peer(
    targets: number,
    measure: (targets: number) => Promise<{ rate: number; setup: string } | undefined>,
  ): Promise<void> {
    const peer = await measure(targets);
    if (peer !== undefined)
      this.add('peer: python-tuf, durable', peer.rate, 'uploads/s', peer.setup, {});
  }

  print(): void {
    console.log(`${this.machine}\n`);
    console.log('| what | measured | floor, share | goal | setup |\n|---|---|---|---|---|');
    for (const row of this.rows) {
      const floor = row.floor === undefined ? '' : `${number(row.floor)}, ${percent(row.ratio!)}`;
      const goal =
        row.goal === undefined ? '' : `${number(row.goal)} ${row.met === true ? 'met' : 'missed'}`;
      console.log(
        `| ${row.name} | ${number(row.value)} ${row.unit} | ${floor} | ${goal} | ${row.setup} |`,
      );
    }
  }

  json(): string {
    return JSON.stringify(this.rows, null, 2);
  }
}

function lineOf({ name, value, unit, setup, ratio }: Row): string {
  const share = ratio === undefined ? '' : ` (${percent(ratio)} of the floor)`;
  return `${name}: ${number(value)} ${unit}${share}  [${setup}]`;
}

function number(value: number): string {
  return value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en');
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)}%`;
}
