package backtest_test

import (
	"testing"

	shopspring "github.com/shopspring/decimal"
)

func decimal(tb testing.TB, text string) shopspring.Decimal {
	tb.Helper()
	d, err := shopspring.NewFromString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}
