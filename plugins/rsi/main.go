// Command rsi is the mean reversion by the relative strength index as a plugin.
package main

import (
	"github.com/lunobot/lunobot/plugins/rsi/rsi"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(rsi.Definition()) }
