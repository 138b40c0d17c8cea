package bot_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// A live bot trades as it was tried: to trade otherwise it goes through paper, or somebody
// who may decide about real money does without and types its name, which is on record. Its
// name and its bounds change without that, and bots on paper as they like.
func TestALiveBotTradesAsItWasTried(t *testing.T) {
	t.Parallel()
	eachFloor(t, func(f *floor) {
		ctx := f.t.Context()
		f.connect("tenant-1", "acc", "1000")
		one := f.create("one")
		hour := time.Hour
		changes := map[string]bot.UpdateInput{
			"interval":   {Interval: &hour},
			"parameters": {Parameters: json.RawMessage(`{"fast":3,"slow":9}`)},
		}
		f.must(f.goLive(one, "400"))
		trader := f.who
		trader.Role = tenancy.Trader
		f.must(f.Update(ctx, trader, one.ConfigID, bot.UpdateInput{Name: new("uno"), Risk: &bot.Risk{StopLossPercent: dec("2")}}))
		for name, in := range changes {
			before, err := f.Config(ctx, f.who, one.ConfigID)
			if err != nil {
				f.t.Fatal(err)
			}
			try := func(who tenancy.Principal, u bot.Untried) error {
				in := in
				in.Untried = u
				_, err := f.Update(ctx, who, one.ConfigID, in)
				return err
			}
			f.want(try(trader, bot.Untried{Confirm: "uno", Waive: true}), errs.Forbidden, "permission_denied")
			f.want(try(f.who, bot.Untried{}), errs.Conflict, "paper_run_missing")
			f.want(try(f.who, bot.Untried{Confirm: "uno"}), errs.Conflict, "paper_run_missing")
			f.want(try(f.who, bot.Untried{Confirm: "one", Waive: true}), errs.Invalid, "invalid_input")
			if now, err := f.Config(ctx, f.who, one.ConfigID); err != nil || now.Version != before.Version {
				f.t.Errorf("refused %s changed it: %+v, %v", name, now, err)
			}
			if err := try(f.who, bot.Untried{Confirm: " uno ", Waive: true}); err != nil {
				f.t.Errorf("other %s: %v", name, err)
			}
			if data := f.data(bot.EventUpdated); data["waived"] != true || data["user_id"] != "user-1" {
				f.t.Errorf("the event of other %s says %v", name, data)
			}
		}
		if c, err := f.Config(ctx, f.who, one.ConfigID); err != nil || c.Mode != bot.Live || c.Interval != hour {
			f.t.Errorf("it is %+v, %v", c, err)
		}
		f.must(f.GoPaper(ctx, f.who, one.ID, 0))
		f.must(f.Update(ctx, trader, one.ConfigID, bot.UpdateInput{Parameters: json.RawMessage(`{"fast":4,"slow":9}`)}))
	})
}
