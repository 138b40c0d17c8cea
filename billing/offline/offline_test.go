package offline_test

import (
	"testing"
	"time"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/billing/offline"
)

func TestPrepare(t *testing.T) {
	t.Parallel()
	if _, err := offline.New(offline.Config{DueIn: -time.Hour}); err == nil {
		t.Error("a time to pay before the day of issue was taken")
	}
	p, err := offline.New(offline.Config{DueIn: 48 * time.Hour, Instructions: "Transfer it."})
	if err != nil {
		t.Fatal(err)
	}
	issued := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		minor int64
		note  string
		due   time.Time
	}{
		"owed":    {1, "Transfer it.", issued.Add(48 * time.Hour)},
		"nothing": {0, "", time.Time{}},
		"credit":  {-1, "", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inv := billing.Invoice{IssuedAt: issued, Total: billing.Money{Minor: c.minor, Currency: "USD"}}
			if err := p.Prepare(t.Context(), &inv); err != nil || inv.Note != c.note || !inv.DueAt.Equal(c.due) {
				t.Errorf("invoice = %+v, %v", inv, err)
			}
		})
	}
}
