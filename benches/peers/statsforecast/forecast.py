"""Forecasts a series with the models of StatsForecast: see the README."""

import sys
import time
import warnings

import numpy as np
from statsforecast.models import (
    MSTL,
    AutoCES,
    AutoETS,
    SeasonalNaive,
    SeasonalWindowAverage,
)

warnings.filterwarnings("ignore")


def models(day, week, weeks):
    seasons = [day, week] if week else [day]
    longest = seasons[-1]
    return {
        "SeasonalNaive": SeasonalNaive(longest),
        "SeasonalWindowAverage": SeasonalWindowAverage(longest, weeks),
        f"AutoETS, season {day}": AutoETS(day),
        f"AutoCES, season {day}": AutoCES(day),
        "MSTL, ETS trend": MSTL(seasons, trend_forecaster=AutoETS(model="ZZN")),
        "MSTL of logarithms, ETS trend": MSTL(seasons, trend_forecaster=AutoETS(model="ZZN")),
    }


def main():
    horizon, day, *week = map(int, sys.stdin.readline().split())
    counts = np.array([float(line) for line in sys.stdin])
    longest = week[0] if week else day
    for name, model in models(day, week[0] if week else None, len(counts) // longest).items():
        start = time.perf_counter()
        logarithms = "logarithms" in name
        try:
            series = np.log1p(counts) if logarithms else counts
            values = model.forecast(y=series, h=horizon)["mean"]
            values = np.expm1(values) if logarithms else values
        except Exception as error:  # noqa: BLE001: one model that fails must not end the others
            print(f"{name}: {error}", file=sys.stderr)
            continue
        seconds = time.perf_counter() - start
        print(name, f"{seconds:.3f}", " ".join(str(max(value, 0.0)) for value in values), sep="\t")


main()
