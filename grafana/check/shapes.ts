// The type of a dashboard file, made of the types that Grafana publishes. A dashboard is JSON, so
// an enum appears as its value.

import type { AnnotationQuery, DataQuery, Dashboard as Whole, FieldConfig, Panel as AnyPanel, RowPanel } from '@grafana/schema';
import type { Options as BarGauge } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type { FieldConfig as HeatmapField, Options as Heatmap } from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { FieldConfig as TableField, Options as Table } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { FieldConfig as GraphField, Options as Graph } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

type AsJson<T> = T extends string ? `${T}`
  : T extends (infer Element)[] ? AsJson<Element>[]
  : T extends object ? { [Key in keyof T]: AsJson<T[Key]> }
  : T;

/** The query of the Prometheus data source; its package is not published for this use. */
interface PrometheusQuery extends DataQuery {
  expr: string;
  range?: boolean;
  instant?: boolean;
  format?: 'time_series' | 'table' | 'heatmap';
  legendFormat?: string;
  interval?: string;
  editorMode?: 'code' | 'builder';
}

/** The query of the Infinity data source, as far as it is used. */
interface InfinityQuery extends DataQuery {
  type: 'json';
  source: 'url';
  parser: 'backend';
  format: 'table';
  url: string;
  url_options: { method: 'GET'; data: string };
  root_selector: string;
  columns: Array<{ selector: string; text: string; type: 'string' | 'number' | 'timestamp' }>;
  filters: [];
}

type Panel<Type extends string, Options, Custom> = Omit<AnyPanel, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
  type: Type;
  options: Options;
  fieldConfig: {
    defaults: Omit<FieldConfig, 'custom'> & { custom?: Partial<Custom> };
    overrides: NonNullable<AnyPanel['fieldConfig']>['overrides'];
  };
  targets: Array<PrometheusQuery | InfinityQuery>;
};

type Panels =
  | Panel<'stat', Stat, never>
  | Panel<'timeseries', Graph, GraphField>
  | Panel<'table', Table, TableField>
  | Panel<'bargauge', BarGauge, never>
  | Panel<'heatmap', Heatmap, HeatmapField>
  | (RowPanel & { id: number });

type Annotation = AnnotationQuery<PrometheusQuery> & { titleFormat: string; textFormat: string; tagKeys: string };

export type Dashboard = AsJson<Omit<Whole, 'panels' | 'annotations'> & { panels: Panels[]; annotations: { list: Annotation[] } }>;
