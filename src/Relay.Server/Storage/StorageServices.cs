namespace Relay.Server.Storage;

internal static class StorageServices
{
    /// <summary>Registers the store that the configuration names.</summary>
    public static IServiceCollection AddStorage(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<StorageOptions>().BindConfiguration(StorageOptions.Section).ValidateOnStart();
        return services;
    }
}
