// When a cut is valid: the rules of the fold, each left out by the switch that it has for that.
import type { Mutant } from './mutant.ts';

export const CUTS: readonly Mutant[] = [
  {
    name: 'cuts by anybody',
    rule: '§5: signed by a sealer',
    without: 'signature',
    often: ['cut of a stranger', 'cut of a publisher'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'cuts of any number',
    rule: '§5: n = last + 1; the first valid record per n wins',
    without: 'number',
    often: ['cut out of turn'],
    breaks: ['renewal', 'rest'],
  },
  {
    name: 'cuts on another chain',
    rule: '§5: the hash matches',
    without: 'chain',
    often: ['cut on another chain', 'second cut'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'cuts of other partitions',
    rule: '§5: P entries',
    without: 'partitions',
    often: ['cut of other partitions'],
    breaks: ['halt', 'rest'],
  },
  {
    name: 'cuts that go back',
    rule: '§5: nothing decreases',
    without: 'vector',
    often: ['cut that goes back'],
    breaks: ['halt'],
  },
  {
    name: 'cuts that go too far',
    rule: '§5: no entry advances more than a bound',
    without: 'advance',
    often: ['cut that goes too far'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'cuts of control to come',
    rule: '§5: control ≤ its own offset',
    without: 'control',
    often: ['cut ahead of control', 'cut behind control'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'cuts in the past',
    rule: '§5: time ≥ the previous',
    without: 'time',
    often: ['cut in the past'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'cuts in the future',
    rule: '§5: time ≤ previous + a bound',
    without: 'time_step',
    often: ['cut in the future'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'any number of cuts in flight',
    rule: '§5: sealed n−2 precedes it',
    without: 'in_flight',
    often: ['three cuts at once'],
    breaks: ['I5', 'I6'],
  },
  {
    name: 'cuts before the documents',
    rule: '§9: all roles exist from genesis',
    without: 'documents',
    often: ['cut before the documents'],
    breaks: ['halt'],
  },
];
