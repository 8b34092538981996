using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Running;
using Relay.Micro;

// In this process: BenchmarkDotNet's own way builds a project for each benchmark, which takes a package feed and minutes.
string[] defaults = ["--inProcess", .. args.Contains("--job") || args.Contains("-j") ? Array.Empty<string>() : ["--job", "short"]];
string[] all = args.Length == 0 ? ["--filter", "*"] : [];

var config = DefaultConfig.Instance
    .AddDiagnoser(MemoryDiagnoser.Default)
    .WithArtifactsPath(Path.Combine(AppContext.BaseDirectory, "artifacts"));
BenchmarkSwitcher.FromAssembly(typeof(EventIdBenchmarks).Assembly).Run([.. defaults, .. all, .. args], config);
