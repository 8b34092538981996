using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Protocol;
using Relay.Server.Ingest.Sources;
using Relay.Server.Ingest.Sources.Sns;

namespace Relay.Server.Tests.Ingest.Sources;

/// <summary>A request that a provider signed, as it or an independent tool computed it.</summary>
internal sealed record SignedExample(string Name, Func<string[], ISource> Make, string Secret, string Body)
{
    /// <summary>In a form that the provider's secrets have.</summary>
    public string WrongSecret { get; init; } = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

    public Dictionary<string, string> Headers { get; init; } = [];

    public string Url { get; init; } = "https://relay.example.com/api/v1/webhook/agt_0123456789abcdef";

    /// <summary>Unix seconds; null: the provider signs no time.</summary>
    public long? SignedAt { get; init; }

    public override string ToString() => Name;

    public bool Verify(string[] secrets, byte[]? body = null, TimeSpan later = default, string? url = null, Action<IHeaderDictionary>? alter = null)
    {
        var headers = new HeaderDictionary();
        foreach (var (name, value) in Headers)
        {
            headers[name] = value;
        }

        alter?.Invoke(headers);
        var now = DateTimeOffset.FromUnixTimeSeconds(SignedAt ?? 1_767_323_045) + later;
        return Make(secrets).Verify(new SourceRequest(headers, url ?? Url, body ?? Encoding.UTF8.GetBytes(Body), now));
    }

    public static SourceCatalog Catalog { get; } = CreateCatalog();

    /// <summary>Makes a source as a registration does; for secrets that the documentation's authors chose too short, see <see cref="Examples"/>.</summary>
    public static Func<string[], ISource> Of(SourceSettings settings) => secrets =>
    {
        var (source, fault) = Catalog.Create(settings with { Secrets = secrets });
        Assert.Null(fault);
        return source!;
    };

    public static Func<string[], ISource> Of(string type) => Of(new SourceSettings { Type = type });

    private static SourceCatalog CreateCatalog()
    {
        var web = new ProviderWeb(ProviderWeb.CreateHandler(), NullLogger<ProviderWeb>.Instance);
        return new SourceCatalog(new SnsCertificates(web, new SnsTrust(TimeProvider.System, NullLogger<SnsTrust>.Instance)), web);
    }
}
