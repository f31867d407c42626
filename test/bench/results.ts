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
  /** What a peer does of the same in the same run; the ratio is to that. */
  readonly peer?: number;
}

export class Results {
  private readonly machine: string;
  private readonly rows: Row[] = [];

  constructor(machine: string) {
    this.machine = machine;
  }

  /** Adds a figure, and says it at once: a run takes minutes. */
  add(name: string, value: number, unit: string, setup: string, measure: Measure): void {
    const { floor, goal, goalMax, goalRatio, peer } = measure;
    const against = floor ?? peer;
    const ratio = against === undefined ? undefined : value / against;
    const row: Row = {
      name,
      value,
      unit,
      setup,
      ...(floor === undefined ? {} : { floor }),
      ...(ratio === undefined ? {} : { ratio }),
      ...(goal === undefined ? {} : { goal, met: value >= goal }),
      ...(goalMax === undefined ? {} : { goal: goalMax, met: value <= goalMax }),
      ...(goalRatio === undefined ? {} : { goal: goalRatio, met: (ratio ?? 0) >= goalRatio }),
    };
    this.rows.push(row);
    console.error(lineOf(row));
  }

  print(): void {
    console.log(`${this.machine}\n`);
    console.log('| what | measured | beside | goal | setup |\n|---|---|---|---|---|');
    for (const row of this.rows) {
      const goal =
        row.goal === undefined ? '' : `${number(row.goal)} ${row.met === true ? 'met' : 'missed'}`;
      console.log(
        `| ${row.name} | ${number(row.value)} ${row.unit} | ${comparison(row)} | ${goal} | ${row.setup} |`,
      );
    }
  }

  json(): string {
    return JSON.stringify(this.rows, null, 2);
  }
}

function lineOf(row: Row): string {
  const { name, value, unit, setup, ratio } = row;
  const share = ratio === undefined ? '' : ` (${comparison(row)})`;
  return `${name}: ${number(value)} ${unit}${share}  [${setup}]`;
}

function comparison({ floor, ratio }: Row): string {
  if (ratio === undefined) return '';
  if (floor === undefined) return `${number(ratio)} times the peer`;
  return `${percent(ratio)} of the floor, ${number(floor)}`;
}

function number(value: number): string {
  return value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en');
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)}%`;
}
