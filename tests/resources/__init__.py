"""Does each resource of the REST API do its work? One file for each file of api/resources."""
