package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
	"github.com/lunobot/lunobot/strategy/backtest/search"
)

// walkforwardCommand chooses parameters window by window, trades each choice on
// the candles after it, and reports.
type walkforwardCommand struct {
	runFlags
	searchFlags
	companyFlags
	pairsFlag
	InSample    string `placeholder:"LENGTH" help:"Length of a window that parameters are chosen in, such as 90d. Default: a third of the history."`
	OutOfSample string `placeholder:"LENGTH" help:"How long a choice is traded after its window, such as 30d. Default: a third of --in-sample."`
	Every       string `placeholder:"LENGTH" help:"From one window to the next. Default: --out-of-sample."`
	Anchored    bool   `help:"Begin every window where the history does, so that windows grow."`
	reportFlags
}

// Run walks forward.
func (w walkforwardCommand) Run(ctx context.Context, c *console) error {
	s, err := w.prepare(ctx, c, w.runFlags, w.companyFlags, w.pairsFlag, w.reportFlags, true)
	if err != nil {
		return err
	}
	defer s.close()
	cfg, err := w.windows(s)
	if err != nil {
		return err
	}
	bar := s.watched(c)
	cfg.Search = s.search
	start := time.Now()
	walk, err := search.WalkForward(ctx, cfg)
	elapsed := time.Since(start)
	bar.clear()
	if err := s.fault(ctx, err); err != nil {
		return err
	}
	report, err := backtestreport.NewWalk(backtestreport.WalkInput{
		Candles: s.candles(), Data: s.past.report, Source: s.past.source, Notes: notesOf(s.past, s.traded), Config: s.run, Info: s.subject.manifest.Info, Walk: walk,
	})
	if err != nil {
		return err
	}
	if err := errors.Join(ctx.Err(), s.files.json.write(report.WriteJSON), s.files.html.write(report.WriteHTML)); err != nil {
		return err
	}
	return report.WriteTable(c.out, elapsed)
}

// windows reads the lengths of the windows and bounds the search by the history;
// the error names every wrong flag.
func (w walkforwardCommand) windows(s *searching) (search.WalkConfig, error) {
	s.search.From, s.search.To = s.past.from, s.past.to
	history := s.search.To.Sub(s.search.From)
	cfg := search.WalkConfig{Anchored: w.Anchored}
	var problems []string
	read := func(flag, text string, otherwise time.Duration, to *time.Duration) {
		*to = otherwise
		if text == "" {
			return
		}
		length, err := parseLength(text)
		switch {
		case err != nil:
			problems = append(problems, flag+" "+text+" must be a length above 0, such as 12h or 90d")
		case length%s.run.Interval != 0:
			problems = append(problems, flag+" "+text+" must be a whole number of the data's candles, which are of "+lengthText(s.run.Interval))
		}
		*to = length
	}
	read("--in-sample", w.InSample, roundLength(history/3, s.run.Interval), &cfg.InSample)
	read("--out-of-sample", w.OutOfSample, roundLength(cfg.InSample/3, s.run.Interval), &cfg.OutOfSample)
	read("--every", w.Every, cfg.OutOfSample, &cfg.Step)
	switch {
	case len(problems) > 0:
	case cfg.Step < cfg.OutOfSample:
		problems = append(problems, "--every "+lengthText(cfg.Step)+" must be at least --out-of-sample "+lengthText(cfg.OutOfSample)+", so that no time is traded twice")
	case cfg.InSample+cfg.OutOfSample > history:
		problems = append(problems, "the history of "+lengthText(history)+" is shorter than a window: --in-sample "+lengthText(cfg.InSample)+
			" and --out-of-sample "+lengthText(cfg.OutOfSample)+" after it")
	}
	if len(problems) > 0 {
		return cfg, input("%s", strings.Join(problems, "; "))
	}
	return cfg, nil
}

// roundLength shortens a length to whole days if it has several, else to hours,
// else to candles of the data; it has at least one.
func roundLength(d, candle time.Duration) time.Duration {
	const day = 24 * time.Hour
	for _, unit := range []time.Duration{day, time.Hour} {
		if d >= 4*unit && unit%candle == 0 {
			return d.Truncate(unit)
		}
	}
	return max(d.Truncate(candle), candle)
}
