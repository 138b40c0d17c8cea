package api

import (
	"context"
	"encoding/json"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/tenancy"
)

// versionChange is the body that changes the version of a bot's strategy.
type versionChange struct {
	StrategyVersion string `json:"strategy_version" validate:"required,max=100" doc:"The version to go to." example:"1.1.0"`
	Parameters      object `json:"parameters,omitempty" doc:"The strategy's parameters for that version; those that the bot has if they are left out."`
	Confirm         string `json:"confirm,omitempty" validate:"max=200" doc:"The bot's name, for a live bot." example:"Morning cross"`
	Waive           bool   `json:"waive,omitempty" doc:"Do without a run on paper, for a live bot; it is put on record." example:"false"`
}

func (u versionChange) input() bot.UpgradeInput {
	return bot.UpgradeInput{StrategyVersion: u.StrategyVersion, Parameters: json.RawMessage(u.Parameters), Untried: bot.Untried{Confirm: u.Confirm, Waive: u.Waive}}
}

// botUpgrade is the input that changes the version of a bot's strategy.
type botUpgrade struct {
	BotPath
	Body body[versionChange]
}

func (in *botUpgrade) check(ctx context.Context, a *API, who tenancy.Principal) error {
	return a.cfg.Bots.CheckUpgrade(ctx, who, in.ID, in.Body.Value.input())
}

func (a *API) upgradeBot(ctx context.Context, who tenancy.Principal, in *botUpgrade) (*configAnswer, error) {
	return configAnswered(a.cfg.Bots.Upgrade(ctx, who, in.ID, in.Body.Value.input()))
}
