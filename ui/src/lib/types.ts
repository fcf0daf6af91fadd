// What /api/v1 answers with, as far as pages read it; src/admin/api_fields.def has all of it.
import type { Count } from './figures';
import type { Pico } from './money';

export interface List<Row> {
    rows: Row[];
    next: string | null;
}

/** Sums of a report: docs/reports.md says what each is. */
export interface Sums {
    calls: number;
    attempts: number;
    errors: number;
    error_rate: number;
    cost_picousd: Pico;
    cost_max_picousd: Pico;
    wasted: number;
    wasted_cost_picousd: Pico;
    saved_cost_picousd: Pico;
    amplification: number | null;
    estimated: number;
    estimated_cost_picousd: Pico;
    estimated_share: number;
    unpriced: number;
    unpriced_share: number;
    input_tokens: Count;
    cache_read_tokens: Count;
    cache_write_5m_tokens: Count;
    cache_write_1h_tokens: Count;
    output_tokens: Count;
    reasoning_tokens: Count;
    p50_ms: number | null;
    p95_ms: number | null;
    p99_ms: number | null;
    first_token_p50_ms: number | null;
    first_token_p95_ms: number | null;
    first_token_p99_ms: number | null;
}

/** A row has the names that were grouped by beside its sums. */
export type ReportRow = Sums & Record<string, unknown>;

export interface Report {
    rows: ReportRow[];
    totals: Sums;
    groups: number;
    rows_from?: string | null;
}

export const promptTokens = (s: Sums) => Number(s.input_tokens) + Number(s.cache_read_tokens) + Number(s.cache_write_5m_tokens) + Number(s.cache_write_1h_tokens);
export const answerTokens = (s: Sums) => Number(s.output_tokens) + Number(s.reasoning_tokens);
