// Command rsi is the mean reversion by the relative strength index as a plugin.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/rsi/rsi"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(rsi.Definition().WithGuide(guide)) }
