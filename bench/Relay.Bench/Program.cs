using Relay.Bench.Floors;
using Relay.Bench.Runs;
using Relay.Bench.Scale;

if (args is ["scale", .. var demands])
{
    return ScaleCommand.Run(demands);
}

// Started again by itself for each floor, so that every contender is a process of its own.
return args is ["floor", var floor, .. var rest] ? await Floor.RunAsync(floor, rest) : await AllRuns.RunAsync(args);
