//! Forecasts a series with the models of augurs: see the README.

use std::error::Error;
use std::io::Read;
use std::time::Instant;

use augurs::ets::AutoETS;
use augurs::ets::trend::AutoETSTrendModel;
use augurs::mstl::MSTLModel;
use augurs::{Fit, Predict};

type Forecast = Result<Vec<f64>, Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let mut lines = input.lines();
    let header = lines.next().ok_or("no header")?;
    let header: Vec<usize> = header.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let (horizon, seasons) = header.split_first().ok_or("no horizon")?;
    let counts: Vec<f64> = lines.map(str::parse).collect::<Result<_, _>>()?;
    let logs: Vec<f64> = counts.iter().map(|count| count.ln_1p()).collect();
    let day = *seasons.first().ok_or("no season")?;

    report("MSTL, naive trend", || mstl_naive(seasons, &counts, *horizon));
    report("MSTL, ETS trend", || mstl_ets(seasons, &counts, *horizon));
    report("MSTL of logarithms, ETS trend", || {
        Ok(mstl_ets(seasons, &logs, *horizon)?.iter().map(|log| log.exp_m1()).collect())
    });
    report(&format!("AutoETS, season {day}"), || ets(day, &counts, *horizon));
    Ok(())
}

fn report(name: &str, forecast: impl FnOnce() -> Forecast) {
    let start = Instant::now();
    match forecast() {
        Ok(values) => {
            let values: Vec<String> =
                values.iter().map(|value| value.max(0.0).to_string()).collect();
            println!("{name}\t{:.3}\t{}", start.elapsed().as_secs_f64(), values.join(" "));
        }
        Err(error) => eprintln!("{name}: {error}"),
    }
}

fn mstl_naive(seasons: &[usize], series: &[f64], horizon: usize) -> Forecast {
    Ok(MSTLModel::naive(seasons.to_vec()).fit(series)?.predict(horizon, None)?.point)
}

fn mstl_ets(seasons: &[usize], series: &[f64], horizon: usize) -> Forecast {
    let trend = AutoETSTrendModel::from(AutoETS::non_seasonal());
    Ok(MSTLModel::new(seasons.to_vec(), trend).fit(series)?.predict(horizon, None)?.point)
}

fn ets(season: usize, series: &[f64], horizon: usize) -> Forecast {
    Ok(AutoETS::new(season, "ZZZ")?.fit(series)?.predict(horizon, None)?.point)
}
