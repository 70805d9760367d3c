// One dashboard, drawn with Grafana's own components, with its panels at their places in the grid.

import {
  FieldConfigOptionsRegistry, FieldType, ThresholdsMode, applyFieldOverrides, cacheFieldDisplayNames, createTheme, dateTime, getDisplayProcessor, getFieldDisplayName,
  getFieldDisplayValues, standardFieldConfigEditorRegistry, standardTransformers, standardTransformersRegistry, transformDataFrame,
} from '@grafana/data';
import { BarGauge, BigValue, GlobalStyles, PanelChrome, PortalContainer, ThemeContext, TimeSeries, VizRepeater } from '@grafana/ui';
import '@grafana/react-data-grid/lib/styles.css';
import 'uplot/dist/uPlot.min.css';
import { Component, useEffect, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { firstValueFrom } from 'rxjs';

import { TableNG } from '@grafana/ui/table';
import { cellsOf, framesOf } from './frames.js';

const theme = createTheme({ colors: { mode: 'dark' } });
const TIME_ZONE = window.timeZone;

// Some are there by two names.
const transformers = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
standardTransformersRegistry.setInit(() => [...transformers.values()].map((transformation) => ({
  id: transformation.id, name: transformation.name, transformation: () => Promise.resolve(transformation), editor: () => null, imageDark: '', imageLight: '',
})));

/** Field options that can be overridden. Grafana has them in its server code and in panel plugins. */
const option = (path, isCustom) => ({
  id: isCustom ? `custom.${path}` : path, path, name: path, isCustom, override: (value) => value, editor: () => null, process: (value) => value, shouldApply: () => true,
});
const STANDARD = ['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'color', 'thresholds', 'mappings', 'links'];
const registryOf = ({ fieldConfig: { defaults, overrides } }) => {
  const ids = overrides.flatMap(({ properties }) => properties).map(({ id }) => id);
  const unknown = [...Object.keys(defaults).filter((id) => id !== 'custom'), ...ids.filter((id) => !id.startsWith('custom.'))].filter((id) => !STANDARD.includes(id));
  if (unknown.length) {
    throw new Error(`no options of a field: ${unknown.join(', ')}`);
  }
  const overridden = ids.filter((id) => id.startsWith('custom.')).map((id) => id.slice(7));
  const ofPanel = new Set([...Object.keys(defaults.custom ?? {}), ...overridden]);
  return new FieldConfigOptionsRegistry(() => [...STANDARD.map((path) => option(path, false)), ...[...ofPanel].map((path) => option(path, true))]);
};
standardFieldConfigEditorRegistry.setInit(() => STANDARD.map((path) => option(path, false)));

/** What the server's transformation `configFromData` does with the one mapping that is used. */
const configFromData = ({ configRefId, mappings: [{ fieldName }] }, frames) => {
  const config = frames.find(({ refId }) => refId === configRefId);
  const field = config?.fields.find((field) => getFieldDisplayName(field, config) === fieldName);
  const value = field?.values[0];
  const thresholds = { mode: ThresholdsMode.Absolute, steps: [{ value: -Infinity, color: 'green' }, { value, color: 'red' }] };
  return frames.filter((frame) => frame !== config).map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => (field.type === FieldType.number && value !== undefined ? { ...field, config: { ...field.config, thresholds } } : field)),
  }));
};

const transformed = async (panel, frames) => {
  const context = { interpolate: (text) => text };
  for (const one of panel.transformations ?? []) {
    if (one.id !== 'configFromData' && !transformers.has(one.id)) {
      throw new Error(`no transformation ${one.id}`);
    }
    frames = one.id === 'configFromData' ? configFromData(one.options, frames) : await firstValueFrom(transformDataFrame([one], frames, context));
  }
  return frames;
};

const withFields = (panel, frames) => {
  const drawn = applyFieldOverrides({
    data: frames, fieldConfig: structuredClone(panel.fieldConfig), fieldConfigRegistry: registryOf(panel), replaceVariables: (text) => text, theme, timeZone: TIME_ZONE,
  });
  cacheFieldDisplayNames(drawn);
  return drawn;
};

const range = ({ from, to }) => {
  const [a, b] = [dateTime(from), dateTime(to)];
  return { from: a, to: b, raw: { from: a, to: b } };
};

const displayValues = (panel, frames) => getFieldDisplayValues({
  fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables: (text) => text, theme, data: frames, timeZone: TIME_ZONE,
});

const Stat = ({ panel, frames, width, height }) => {
  const values = displayValues(panel, frames);
  return (
    <VizRepeater getValues={() => values} source={frames} width={width} height={height} orientation="vertical" itemSpacing={3} autoGrid={values.length > 1}
      renderValue={({ value, width, height, count }) => (
        <BigValue value={value.display} count={count} width={width} height={height} theme={theme} colorMode={panel.options.colorMode}
          graphMode="none" justifyMode="auto" textMode={panel.options.textMode} />
      )} />
  );
};

const Bars = ({ panel, frames, width, height }) => {
  const values = displayValues(panel, frames);
  return (
    <VizRepeater getValues={() => values} source={frames} width={width} height={height} orientation="horizontal" itemSpacing={8} minVizHeight={16} maxVizHeight={40} autoGrid={false}
      renderValue={({ value, width, height, orientation }) => (
        <BarGauge value={value.display} display={value.view ? getDisplayProcessor({ field: value.view.getFieldDisplayProcessor ? value.view.dataFrame.fields[value.colIndex] : undefined, theme }) : undefined}
          field={value.field} width={width} height={height} orientation={orientation} displayMode="basic" valueDisplayMode="color" namePlacement="left" showUnfilled theme={theme} />
      )} />
  );
};

/** Draws cells in the colours of Grafana's scheme: its heat map is not published as a component. */
const Heatmap = ({ cells, width, height, from, to }) => {
  const canvas = useRef();
  useEffect(() => {
    const paint = canvas.current.getContext('2d');
    const left = 50;
    const bottom = height - 22;
    const columns = [...new Set(cells.map(([at]) => at))].sort((a, b) => a - b);
    const step = columns.length > 1 ? Math.min(...columns.slice(1).map((at, index) => at - columns[index])) : 60000;
    const highest = Math.max(1, ...cells.map(([, , upper]) => upper));
    const most = Math.max(...cells.map(([, lower, upper, count]) => count));
    const x = (at) => left + ((at - from) / (to - from)) * (width - left - 10);
    const y = (value) => bottom - (value / highest) * (bottom - 8);
    paint.clearRect(0, 0, width, height);
    for (const [at, lower, upper, count] of cells) {
      const share = Math.sqrt(count / most);
      paint.fillStyle = `hsl(${45 - 30 * share}, 95%, ${85 - 45 * share}%)`;
      paint.fillRect(x(at - step), y(upper), Math.ceil(x(at) - x(at - step)), Math.max(1, y(Math.max(lower, 0)) - y(upper)));
    }
    paint.fillStyle = theme.colors.text.primary;
    paint.font = '12px Inter, Helvetica, Arial, sans-serif';
    const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: TIME_ZONE });
    for (let part = 0; part <= 4; part += 1) {
      paint.fillText(`${Math.round((highest * part) / 4)} s`, 6, y((highest * part) / 4) + 4);
      const at = from + ((to - from) * (part + 0.5)) / 5;
      paint.fillText(clock.format(at), x(at) - 16, height - 6);
    }
  });
  return <canvas ref={canvas} width={width} height={height} />;
};

/** Dashed lines where an alert began to fire, as Grafana marks annotations. */
const marking = ({ marks }) => (config) => {
  config.addHook('draw', (plot) => {
    const { left, top, width, height } = plot.bbox;
    plot.ctx.save();
    plot.ctx.setLineDash([5, 5]);
    plot.ctx.lineWidth = 2;
    for (const { color, result } of marks) {
      plot.ctx.strokeStyle = theme.visualization.getColorByName(color);
      for (const at of result.map(({ values }) => plot.valToPos(values[0][0] * 1000, 'x', true)).filter((at) => at > left && at < left + width)) {
        plot.ctx.beginPath();
        plot.ctx.moveTo(at, top);
        plot.ctx.lineTo(at, top + height);
        plot.ctx.stroke();
      }
    }
    plot.ctx.restore();
  });
  return null;
};

const NoData = ({ text }) => <div data-empty="" style={{ display: 'flex', height: '100%', alignItems: 'center', justifyContent: 'center', color: theme.colors.text.secondary }}>{text}</div>;

const Drawn = ({ panel, frames, answers, period, width, height }) => {
  const empty = <NoData text={panel.fieldConfig.defaults.noValue} />;
  if (panel.type === 'heatmap') {
    const cells = cellsOf(answers[0]);
    return cells.length ? <Heatmap cells={cells} width={width} height={height} from={period.from} to={period.to} /> : empty;
  }
  if (frames.length === 0 || frames.every(({ length }) => length === 0)) {
    return empty;
  }
  switch (panel.type) {
    case 'stat':
      return <Stat panel={panel} frames={frames} width={width} height={height} />;
    case 'bargauge':
      return <Bars panel={panel} frames={frames} width={width} height={height} />;
    case 'table':
      return <TableNG data={frames[0]} width={width} height={height} showTypeIcons={false} sortBy={panel.options.sortBy} cellHeight={panel.options.cellHeight}
        noHeader={false} fieldConfig={panel.fieldConfig} getActions={() => []} replaceVariables={(text) => text} />;
    case 'timeseries':
      return <TimeSeries frames={frames} width={width} height={height} timeRange={range(period)} timeZone={TIME_ZONE} legend={panel.options.legend} options={panel.options}>{marking(period)}</TimeSeries>;
    default:
      throw new Error(`nothing draws a panel of type ${panel.type}`);
  }
};

/** In place of a panel that cannot be drawn, so that the others are. */
class Guard extends Component {
  state = { error: undefined };

  static getDerivedStateFromError(error) {
    return { error };
  }

  componentDidCatch(error) {
    window.faults.push(`${this.props.panel.title}: ${error.stack}`);
  }

  render() {
    return this.state.error ? <div data-error="">{this.state.error.message}</div> : this.props.children;
  }
}

/** Pixels of one row of the grid with the gap below it, as in Grafana. */
const ROW = 38;
const GAP = 8;

/** How many numbers there are to show. */
const valuesOf = (panel, frames, answers) => (panel.type === 'heatmap' ? cellsOf(answers[0]).length
  : frames.flatMap(({ fields }) => fields).filter(({ type }) => type === FieldType.number).flatMap(({ values }) => values).filter(Number.isFinite).length);

const Panel = ({ panel, answers, period, columnWidth }) => {
  const [frames, setFrames] = useState();
  useEffect(() => {
    transformed(panel, framesOf(panel, answers)).then((frames) => setFrames(withFields(panel, frames)), (error) => { window.faults.push(`${panel.title}: ${error.stack}`); setFrames([]); });
  }, []);
  const { x, y, w, h } = panel.gridPos;
  const width = w * columnWidth - GAP;
  const height = h * ROW - GAP;
  return (
    <div data-panel={panel.id} data-values={frames && valuesOf(panel, frames, answers)} style={{ position: 'absolute', left: x * columnWidth + GAP / 2, top: y * ROW, width, height }}>
      <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
        {(innerWidth, innerHeight) => frames && (
          <div data-content="" style={{ width: innerWidth, height: innerHeight }}>
            <Guard panel={panel}><Drawn panel={panel} frames={frames} answers={answers} period={period} width={innerWidth} height={innerHeight} /></Guard>
          </div>
        )}
      </PanelChrome>
    </div>
  );
};

const Bar = ({ dashboard, period }) => {
  const clock = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: TIME_ZONE });
  return (
    <div style={{ display: 'flex', gap: 16, padding: '8px 12px', alignItems: 'baseline', flexWrap: 'wrap' }}>
      <strong style={{ fontSize: 18 }}>{dashboard.title}</strong>
      {dashboard.templating.list.filter(({ type }) => type !== 'datasource').map(({ name, label }) => (
        <span key={name} style={{ fontSize: 12 }}><span style={{ color: theme.colors.text.secondary }}>{label}</span> {period.values[name] === '.+' ? 'All' : period.values[name].replaceAll('|', ' + ')}</span>
      ))}
      <span style={{ marginLeft: 'auto', fontSize: 12 }}>{clock.format(period.from)} – {clock.format(period.to)}</span>
    </div>
  );
};

const Dashboard = ({ dashboard, period, width }) => (
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <div id="dashboard" style={{ width, background: theme.colors.background.canvas, color: theme.colors.text.primary, fontFamily: theme.typography.fontFamily }}>
      <Bar dashboard={dashboard} period={period} />
      <div id="grid" style={{ position: 'relative', height: Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h)) * ROW }}>
        {dashboard.panels.map((panel) => (panel.type === 'row'
          ? <div key={panel.id} data-row={panel.id} style={{ position: 'absolute', left: 12, top: panel.gridPos.y * ROW + 4, fontWeight: 500, fontSize: 16 }}>{panel.title}</div>
          : <Panel key={panel.id} panel={panel} answers={period.panels[panel.id]} period={period} columnWidth={width / 24} />))}
      </div>
    </div>
    <PortalContainer />
  </ThemeContext.Provider>
);

window.faults = { push: (fault) => console.error(`fault: ${fault}`) };

// Whoever drives the browser asks when all is drawn, and then what.
let moved = performance.now();
new MutationObserver(() => { moved = performance.now(); }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
/** Milliseconds without any change after which the page is drawn. */
const QUIET = 700;
window.isQuiet = () => document.fonts.status === 'loaded' && performance.now() - moved > QUIET;

/** Whether a canvas has something in colour: axes are grey, and they exist without data too. */
const isColoured = (canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let coloured = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue, alpha] = data.subarray(at, at + 4);
    coloured += alpha > 100 && Math.max(red, green, blue) - Math.min(red, green, blue) > 40 ? 1 : 0;
  }
  return coloured >= 20;
};

/** Whether the numbers of a panel are to be seen. */
const shows = (panel, content) => {
  if (!content || content.querySelector('[data-empty], [data-error]')) {
    return false;
  }
  const text = content.innerText.trim();
  switch (panel.type) {
    case 'timeseries':
    case 'heatmap':
      return [...content.querySelectorAll('canvas')].some(isColoured);
    case 'table':
      return content.querySelectorAll('[role="row"]').length > 1 && /\d/.test(text);
    default:
      return text !== '' && text !== panel.fieldConfig.defaults.noValue;
  }
};

window.drawn = () => {
  const grid = document.getElementById('grid')?.getBoundingClientRect();
  const place = (element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return { x: left - grid.left, y: top - grid.top, width, height };
  };
  const panels = [...document.querySelectorAll('[data-panel]')].map((element) => {
    const panel = window.dashboard.panels.find(({ id }) => id === Number(element.dataset.panel));
    const content = element.querySelector('[data-content]');
    return {
      id: panel.id, title: panel.title, isTitled: element.innerText.includes(panel.title), ...place(element), values: Number(element.dataset.values), shows: shows(panel, content),
      error: content?.querySelector('[data-error]')?.innerText ?? null, text: content?.innerText.slice(0, 200) ?? '',
    };
  });
  const rows = [...document.querySelectorAll('[data-row]')].map((element) => ({ id: Number(element.dataset.row), title: element.innerText, ...place(element) }));
  return { panels, rows };
};

createRoot(document.getElementById('root')).render(<Dashboard dashboard={window.dashboard} period={window.answers} width={window.innerWidth} />);
