package web

import (
	"fmt"
	"strconv"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/report"
)

// measuresPart is what a bot's page tells of its performance.
type measuresPart struct {
	Measures []measure
	// Span is the time that they are of, in words; "" before there is any.
	Span string
}

// measure is one figure.
type measure struct {
	Label string
	// Text is the figure, a dash where it cannot be told, and Note what it rests on
	// or what is missing for it.
	Text, Note string
	// Meaning says what it tells, in a sentence or two.
	Meaning string
}

// fewDays is how many daily returns say little.
const fewDays = 30

// botPerformance renders the part of the page that tells of the performance.
func (w *Web) botPerformance(rq *request) error {
	b, markets, err := w.owned(rq)
	if err != nil {
		return err
	}
	var further []exchange.Market
	for _, pair := range b.Also {
		further = append(further, markets.of(pair).Market)
	}
	p, err := report.Measure(rq.Context(), w.cfg.Journal, b, markets.of(b.Pair).Market, further...)
	if err != nil {
		return err
	}
	return w.part(rq, "bots/bot", "measures", measuresOf(p))
}

func measuresOf(p report.Performance) measuresPart {
	part := measuresPart{Measures: []measure{
		{
			Label: "Sharpe ratio", Text: ratio(p.Sharpe), Note: sharpeNote(p),
			Meaning: "Return for the risk taken: the mean daily return divided by how much the daily returns scatter, times the root of 365. " +
				"Above 1 is good for a year; below 0 the bot lost.",
		},
		{
			Label: "Win rate", Text: share(p.WinRate), Note: winNote(p),
			Meaning: "How many of the round trips earned something after the fees of both sides. It says nothing of how much: a bot may win often and lose more.",
		},
		{
			Label: "Profit factor", Text: ratio(p.ProfitFactor), Note: factorNote(p),
			Meaning: "What the winning round trips earned for each unit that the losing ones lost. Above 1 the bot earns.",
		},
		{
			Label: "Exposure", Text: share(p.Exposure), Note: exposureNote(p),
			Meaning: "The share of the time in which the bot held a position, and so the risk of the market.",
		},
	}}
	if !p.From.IsZero() {
		part.Span = span(p.From, p.To)
		if p.TripsFrom.After(p.From) {
			part.Span += ", round trips and exposure since " + moment{p.TripsFrom}.Date()
		}
	}
	return part
}

func sharpeNote(p report.Performance) string {
	switch {
	case p.Days < 2:
		return fmt.Sprintf("needs two whole days, from midnight to midnight UTC; there %s", areDays(p.Days))
	case !p.Sharpe.Defined():
		return "the account has not moved yet"
	case p.Days < fewDays:
		return "over " + days(p.Days) + " only, which says little"
	}
	return "over " + days(p.Days)
}

func winNote(p report.Performance) string {
	if p.Trips == 0 {
		return "no round trip is closed yet"
	}
	return fmt.Sprintf("%s of %s", grouping(p.Won), counted(p.Trips, "round trip", "round trips"))
}

func factorNote(p report.Performance) string {
	switch {
	case p.Trips == 0:
		return "no round trip is closed yet"
	case p.Lost == 0:
		return "no loss yet to compare with"
	}
	return fmt.Sprintf("%s won, %s lost", grouping(p.Won), grouping(p.Lost))
}

func exposureNote(p report.Performance) string {
	if p.From.IsZero() {
		return "the bot has seen nothing yet"
	}
	return "of " + length(p.To.Sub(p.TripsFrom))
}

func areDays(n int64) string {
	if n == 1 {
		return "is one"
	}
	return "is none"
}

func days(n int64) string { return exchange.Grouped(strconv.FormatInt(n, 10)) + " days" }

func grouping(n int) string { return exchange.Grouped(strconv.Itoa(n)) }
