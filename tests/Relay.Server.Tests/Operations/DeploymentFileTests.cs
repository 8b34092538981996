using System.Globalization;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using YamlDotNet.RepresentationModel;

namespace Relay.Server.Tests.Operations;

/// <summary>What docker-compose.yml and deploy/kubernetes say of the relay is so.</summary>
public sealed class DeploymentFileTests
{
    private static readonly string Root = FindRoot();

    public static TheoryData<string> Files => ["docker-compose.yml", "deploy/kubernetes/deployment.yaml"];

    [Theory, MemberData(nameof(Files))]
    public void Every_setting_is_one_that_the_readme_names(string file)
    {
        var readme = File.ReadAllText(Path.Combine(Root, "README.md"));
        string[] settings = [.. Scalars(Load(file)).Where(static text => text.StartsWith("Relay__", StringComparison.Ordinal)).Distinct()];

        Assert.NotEmpty(settings);
        Assert.All(settings, setting => Assert.Contains($"`{setting.Replace("__", ":", StringComparison.Ordinal)}`", readme, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_probe_is_answered()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        foreach (var probe in (string[])["startupProbe", "livenessProbe", "readinessProbe"])
        {
            var path = Text(Container()[probe]["httpGet"]["path"]);
            using var answer = await relay.Http.GetAsync(new Uri(path, UriKind.Relative));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    [Fact]
    public void A_node_has_time_to_end_before_it_is_killed()
    {
        var delay = Container()["env"] is YamlSequenceNode env
            ? env.Single(static one => Text(one["name"]) == "Relay__Shutdown__ReadinessDelay")["value"]
            : throw new InvalidOperationException("There is no env.");
        var connections = new Server.Connections.ConnectionOptions();
        var needed = TimeSpan.Parse(Text(delay), CultureInfo.InvariantCulture) + connections.DrainTimeout + connections.CloseTimeout;

        var pod = Load("deploy/kubernetes/deployment.yaml")["spec"]["template"]["spec"];
        Assert.True(TimeSpan.FromSeconds(int.Parse(Text(pod["terminationGracePeriodSeconds"]), CultureInfo.InvariantCulture)) > needed);
        var compose = Load("docker-compose.yml")["x-relay"];
        Assert.True(TimeSpan.FromSeconds(int.Parse(Text(compose["stop_grace_period"]).TrimEnd('s'), CultureInfo.InvariantCulture))
            > connections.DrainTimeout + connections.CloseTimeout);
    }

    [Fact]
    public async Task The_host_waits_as_long_as_agents_may_take_to_end()
    {
        await using var relay = await RelayHost.StartAsync("embedded", settings: ("Relay:Connections:DrainTimeout", "00:05:00"));

        Assert.True(relay.Services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout > TimeSpan.FromMinutes(5));
    }

    [Fact]
    public void The_proxy_starts_although_a_relay_is_down()
    {
        var services = Load("docker-compose.yml")["services"];
        var known = Assert.IsType<YamlSequenceNode>(services["proxy"]["extra_hosts"]).Select(Text).ToList();
        string[] upstreams = [.. File.ReadAllLines(Path.Combine(Root, "deploy/nginx/relay.conf"))
            .Select(static line => line.Trim().Split(' ', ':')).Where(static words => words is ["server", _, "8080", ..]).Select(static words => words[1])];

        Assert.Equal(2, upstreams.Length);
        Assert.Equal(upstreams.Select(name => $"{name}:{Text(services[name]["networks"]["inside"]["ipv4_address"])}"), known);
    }

    [Fact]
    public void Services_and_budgets_mean_the_deployments_pods()
    {
        const string Label = "app.kubernetes.io/name";
        var name = Text(Load("deploy/kubernetes/deployment.yaml")["spec"]["template"]["metadata"]["labels"][Label]);

        Assert.Equal(name, Text(Load("deploy/kubernetes/deployment.yaml")["spec"]["selector"]["matchLabels"][Label]));
        Assert.Equal(name, Text(Load("deploy/kubernetes/service.yaml")["spec"]["selector"][Label]));
        Assert.Equal(name, Text(Load("deploy/kubernetes/disruption-budget.yaml")["spec"]["selector"]["matchLabels"][Label]));
        Assert.Equal(Text(Container()["ports"][0]["name"]), Text(Load("deploy/kubernetes/service.yaml")["spec"]["ports"][0]["targetPort"]));
    }

    [Fact]
    public void Every_file_of_the_folder_is_applied()
    {
        var folder = Path.Combine(Root, "deploy", "kubernetes");
        var listed = ((YamlSequenceNode)Load("deploy/kubernetes/kustomization.yaml")["resources"]).Select(Text);

        Assert.Equal(
            Directory.EnumerateFiles(folder).Select(Path.GetFileName).Where(static file => file != "kustomization.yaml").Order(StringComparer.Ordinal),
            listed.Order(StringComparer.Ordinal));
    }

    private static YamlNode Container() => Load("deploy/kubernetes/deployment.yaml")["spec"]["template"]["spec"]["containers"][0];

    private static YamlNode Load(string file)
    {
        using var reader = new StreamReader(Path.Combine(Root, file));
        var stream = new YamlStream();
        stream.Load(reader);
        return stream.Documents[0].RootNode;
    }

    private static IEnumerable<string> Scalars(YamlNode node) => node.AllNodes.OfType<YamlScalarNode>().Select(Text);

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Relay.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests do not run within the repository.");
        }

        return folder.FullName;
    }
}
