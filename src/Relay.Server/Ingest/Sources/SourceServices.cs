using Relay.Server.Ingest.Sources.Sns;

namespace Relay.Server.Ingest.Sources;

internal static class SourceServices
{
    public static IServiceCollection AddSources(this IServiceCollection services)
    {
        services.AddSingleton(static provider => new ProviderWeb(ProviderWeb.CreateHandler(), provider.GetRequiredService<ILogger<ProviderWeb>>()));
        services.AddSingleton<SnsTrust>();
        services.AddSingleton<SnsCertificates>();
        services.AddSingleton<SourceCatalog>();
        return services;
    }
}
