// Package backtestreport shows a backtest: as a table for a terminal, as JSON
// for programs and as one HTML file for people.
//
// It owns the figures that are shown, the warnings in plain words and the three
// forms. It does not own the run (package backtest) or the formulas (package
// perf). Nothing here reads a clock: the same run gives the same bytes.
//
// In the JSON, prices, volumes and amounts are decimal strings and times are
// RFC 3339 in UTC; ratios such as the Sharpe ratio are numbers, and null where
// they are not defined. A price between two ticks, which an entry by several
// fills has on average, is rounded to eight decimals more than the market's.
//
// Smallest use:
//
//	report, err := backtestreport.New(backtestreport.Input{Result: result, Closes: backtestreport.ClosesOf(series.Candles)})
//	err = report.WriteTable(os.Stdout, elapsed)
//	err = report.WriteJSON(jsonFile)
//	err = report.WriteHTML(htmlFile)
package backtestreport
